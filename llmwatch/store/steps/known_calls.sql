-- The calls that had begun before the moment, with the names of today.
from {before}
where started_at < cast(getvariable('known_at') as timestamp)
