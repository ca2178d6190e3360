-- The configurations that had been adopted by the moment; before the first one, that one.
from {before}
where
    adopted_at <= cast(getvariable('known_at') as timestamp)
    or number = (select min(number) from {before})
