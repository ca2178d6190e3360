-- One row per outcome that code has reported: its name, whether it succeeded, what it is worth, and what it was for.
select
    event_id as id,
    occurred_at,
    outcome,
    coalesce(is_success, true) as is_success,
    amount_usd as value_usd,
    customer,
    task,
    feature,
    model,
    service
from revenue_records
where kind = 'outcome'
