-- One row: the first and the last call the store has.
select
    min(started_at) as first_call_at,
    max(started_at) as last_call_at,
    count(*) as calls
from calls
