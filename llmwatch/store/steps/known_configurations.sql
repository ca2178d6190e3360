-- The configurations that had been adopted by the moment; before the store was made, the first one that it adopted.
from {before}
where
    adopted_at <= cast(getvariable('known_at') as timestamp)
    or (
        number = (select coalesce(min(number) filter (where place is not null), min(number)) from {before})
        and not exists (from {before} where adopted_at <= cast(getvariable('known_at') as timestamp))
    )
