-- One row per stream of money: an amount earned once, over a span, or for each calendar unit. What of it falls into a
-- window [a, b) is accrued_nano(amount_usd, per, starts_at, ends_at, b) - accrued_nano(..., a), in nano-dollars.
select
    event_id as stream,
    source,
    customer,
    plan,
    task,
    feature,
    model,
    service,
    amount_usd,
    if(recognised_until > recognised_from, 'span', 'once') as per,
    coalesce(recognised_from, occurred_at) as starts_at,
    if(recognised_until > recognised_from, recognised_until, null) as ends_at
from revenue_records
where kind = 'revenue' and amount_usd is not null
union all
select
    concat_ws('/', 'subscription', customer_id, plan, starts_at),
    'settings',
    customer_id,
    plan,
    null,
    null,
    null,
    null,
    amount_usd,
    per,
    starts_at,
    ends_at
from subscriptions
