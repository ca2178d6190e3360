-- One row per shared cost with an amount in the period, and by what it is divided.
select
    name,
    divided_by,
    cast(
        sum(
            recognised_nano(cost_usd, per, starts_at, ends_at, $since, $until)
        ) as decimal(38, 0)
    ) as cost_nano
from shared_costs
where starts_at < $until
group by name, divided_by
having cost_nano <> 0
order by name, divided_by
