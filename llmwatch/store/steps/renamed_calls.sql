update calls
set task_name = m.new_name
from moved as m
where calls.rowid = m.row_number;
