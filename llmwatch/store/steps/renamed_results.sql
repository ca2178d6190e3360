update {table}
set task_name = c.task_name
from calls as c
where {table}.span_id = c.span_id and c.rowid in (select row_number from moved);
