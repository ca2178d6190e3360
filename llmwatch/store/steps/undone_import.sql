-- What the import said is withdrawn, and what it replaced stands again, from now on: the past stays as it was known then.
insert into revenue_withdrawn by name
select *, cast($now as timestamp) as withdrawn_at
from revenue
where import_id = $import_id;

delete from revenue
where import_id = $import_id;

insert into revenue by name
select * exclude (withdrawn_at, withdrawn_by) replace (cast($now as timestamp) as recorded_at)
from revenue_withdrawn
where withdrawn_by = $import_id;

update revenue_imports
set undone_at = cast($now as timestamp)
where import_id = $import_id
