-- One row per task of the period that code calls by another name, with the names it calls it by.
select task_name, list_sort(list(distinct task)) as tags
from calls
where
    task is not null
    and task_name in (select task_name from calls where task <> task_name)
    and started_at >= $since
    and started_at < $until
group by task_name
order by task_name
