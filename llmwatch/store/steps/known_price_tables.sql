-- The price tables that had come into force by the moment; before the first one, that one.
from {before}
where
    in_force_from <= cast(getvariable('known_at') as timestamp)
    or in_force_from = (select min(in_force_from) from {before})
