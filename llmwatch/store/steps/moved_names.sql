-- Tasks of which no call is left under their name, and the one name that all their calls went to, and no others' did.
create or replace temp table moved_names as
select old_name, any_value(new_name) as new_name
from moved
where
    old_name not in (select task_name from calls)
    and new_name not in (select m.new_name from moved as m group by m.new_name having count(distinct m.old_name) > 1)
    and new_name not in (
        select c.task_name from calls as c
        where c.rowid not in (select m.row_number from moved as m)
    )
group by old_name
having count(distinct new_name) = 1;
