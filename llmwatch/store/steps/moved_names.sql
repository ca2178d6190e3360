-- Names of which no call is left, and the one name that their calls went to.
create or replace temp table moved_names as
select old_name, any_value(new_name) as new_name
from moved
where old_name not in (select task_name from calls)
group by old_name
having count(distinct new_name) = 1;
