-- What the sources of revenue had said by the moment and not yet taken back.
from {before}
where recorded_at <= cast(getvariable('known_at') as timestamp)
union all by name
select * exclude (withdrawn_at, withdrawn_by)
from revenue_withdrawn
where recorded_at <= cast(getvariable('known_at') as timestamp) and withdrawn_at > cast(getvariable('known_at') as timestamp)
