-- One row: when the store's first and last call began.
select
    min(started_at) as first_call_at,
    max(started_at) as last_call_at
from calls
