-- A bucket of which nothing could be read has nothing unread either.
update task_refits
set
    unread_contents = 0,
    read_contents = coalesce((select count(*) from refit_calls as r where r.bucket = task_refits.bucket), 0),
    refitted_at = $now
where
    bucket in (select bucket from refit_calls)
    or not exists (select 1 from refit_calls);
