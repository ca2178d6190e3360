-- The alarms that had been raised by the moment.
from {before}
where raised_at <= cast(getvariable('known_at') as timestamp)
