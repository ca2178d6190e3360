-- One row per model, host and reason for which calls of the period have no cost.
select
    model,
    host,
    unpriced_reason as reason,
    sum(call_count) as calls,
    sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens
from call_facts
where is_unpriced and started_at >= $since and started_at < $until
group by all
order by calls desc, model, host, reason
