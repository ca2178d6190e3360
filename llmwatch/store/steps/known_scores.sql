-- The scores that had been said by the moment.
from {before}
where coalesce(recorded_at, scored_at) <= cast(getvariable('known_at') as timestamp)
