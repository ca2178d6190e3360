-- One row per fact about the store itself.
select
    key,
    value
from meta
