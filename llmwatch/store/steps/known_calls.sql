-- The calls that had begun before the moment, with the names of today.
from {before}
where started_at < cast(getvariable('known_at') as timestamp)
    -- a line of a batch's output begins with its batch, and is known since it was read
    and (batch_file is null or ended_at < cast(getvariable('known_at') as timestamp))
