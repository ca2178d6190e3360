-- One row: the money recognised in the period from every customer, null where no revenue is known at all.
select
    cast(
        sum(
            recognised_nano(amount_usd, per, starts_at, ends_at, $since, $until)
        ) as decimal(38, 0)
    ) * 0.000000001 as revenue_usd
from revenue_streams
