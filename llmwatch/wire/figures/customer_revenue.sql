-- One row per customer with a stream of money that begins before `until`, '' is none: what the report's query
-- margin_periods says is earned in [since, until).
select
    coalesce(customer, '') as name,
    cast(sum(recognised_nano(amount_usd, per, starts_at, ends_at, since, until)) as decimal(38, 0)) as revenue_nano,
    arg_max(plan, (starts_at, amount_usd, plan)) filter (where plan is not null) as plan
from revenue_streams
where starts_at < until
group by coalesce(customer, '')
