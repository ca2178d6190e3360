-- One row per reason for which calls were removed that may have been of [since, until): how many, and what they had cost.
select
    reason,
    cast(sum(calls) as bigint) as calls,
    cast(sum(unpriced_calls) as bigint) as unpriced_calls,
    sum(spend_usd) as spend_usd,
    min(first_call_at) as first_call_at,
    max(last_call_at) as last_call_at,
    max(removed_at) as removed_at
from removals
where first_call_at < $until and last_call_at >= $since
group by reason
order by reason
