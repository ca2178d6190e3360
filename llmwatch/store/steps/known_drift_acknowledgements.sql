-- The acknowledgements as they stood at the moment.
select * replace (is_undone and coalesce(undone_at <= cast(getvariable('known_at') as timestamp), true) as is_undone)
from {before}
where acknowledged_at <= cast(getvariable('known_at') as timestamp)
