-- What is noted of the calls that are about to be deleted; of none, nothing.
insert into removals by name
select
    cast($removed_at as timestamp) as removed_at,
    $reason as reason,
    count(*) as calls,
    count(*) filter (where cost_usd is null) as unpriced_calls,
    sum(cost_usd) as spend_usd,
    min(started_at) as first_call_at,
    max(started_at) as last_call_at
from calls
where {condition}
having count(*) > 0;

delete from call_versions where span_id in (select span_id from calls where {condition});
