-- One row: the price table in force, and the list it is of.
select
    digest,
    list_version,
    verified_on
from price_tables
order by in_force_from desc
limit 1
