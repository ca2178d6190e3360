-- Names that the refit took away, so that a past moment can be asked by the names of then.
insert into task_moves by name
select b.span_id, cast($now as timestamp) as moved_at, b.task_origin
from origins_before as b
join calls as c on b.span_id = c.span_id
where b.task_origin is distinct from c.task_origin;
