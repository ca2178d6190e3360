-- The judgements that were recorded by the moment.
from {before}
where recorded_at <= cast(getvariable('known_at') as timestamp)
