-- One row: calls of [since, until) whose cost was worked out with an older price table than the one in force.
-- As of a past moment none are: the table in force then is not the one that would be used now.
select count(*) as calls
from calls
where
    started_at >= $since
    and started_at < $until
    and cost_usd is not null
    and price_table <> (select digest from price_tables order by in_force_from desc limit 1)
    and getvariable('known_at') is null
