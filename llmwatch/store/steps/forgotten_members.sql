-- What an earlier refit said of the keys that this one has read.
delete from task_members where task_key in (select task_key from refit_calls);
