-- What calls whose usage or cost has changed since the moment were like at it.
create or replace temp table versions_then as
select * exclude (replaced_at, reason)
from call_versions
where replaced_at > cast(getvariable('known_at') as timestamp)
qualify row_number() over (partition by span_id order by replaced_at) = 1;
