-- One row: events of revenue or outcome that name a call which the store does not hold.
select count(*) as events, coalesce(sum(amount_usd) filter (where kind = 'revenue'), 0) as amount_usd
from revenue_records
where names_a_call and calls = 0
