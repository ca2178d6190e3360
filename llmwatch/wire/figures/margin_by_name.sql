-- One row per name of the dimension (task, feature, model, service) in [since, until), '' is none: what the report's
-- lines say. Revenue that names no task is divided as the settings say; with `cost` it stays undivided, and unknown.
with
lines as (
    from margin_names(
        dimension, coalesce((select value from meta where key = 'revenue_by'), 'cost'), since, until
    )
),
keys as (
    select
        name,
        'spend' as divided_by,
        cast(coalesce(spend_usd, 0) as double) as weight,
        cast(coalesce(unknown_usd, 0) as double) as unknown
    from lines
    union all
    select name, 'calls', cast(calls as double), cast(coalesce(unknown_calls, 0) as double) from lines
    union all
    select name, 'tokens', cast(tokens as double), cast(coalesce(unknown_tokens, 0) as double) from lines
),
shared as (
    select
        k.name,
        sum(cast(s.cost_nano as double) / 1e9 * k.weight / w.whole) as shared_usd,
        sum(cast(s.cost_nano as double) / 1e9 * k.unknown / w.whole) as unknown_usd
    from margin_shared(since, until) as s
    join (select divided_by, sum(weight) as whole from keys group by divided_by) as w using (divided_by)
    join keys as k using (divided_by)
    where w.whole > 0
    group by k.name
)
select
    l.name,
    l.calls,
    l.unpriced_calls,
    -- its customers pay, and all of what they pay is for something else
    case
        when l.revenue_nano is not null then cast(l.revenue_nano as double) / 1e9
        when coalesce(l.undivided_calls, 0) = 0 and l.calls > coalesce(l.unknown_calls, 0) then 0.0
    end as revenue_usd,
    l.unpriced_calls - coalesce(l.unknown_unpriced, 0) as unpriced_in_margin,
    cast(coalesce(l.spend_usd, 0) - coalesce(l.unknown_usd, 0) as double) as known_usd,
    if(known_usd = 0 and unpriced_in_margin > 0, null, known_usd) as direct_usd,
    coalesce(s.shared_usd, 0) - coalesce(s.unknown_usd, 0) as shared_usd,
    -- of the customers whose revenue is known: revenue less cost is the margin
    direct_usd + coalesce(s.shared_usd, 0) - coalesce(s.unknown_usd, 0) as cost_usd,
    cast(coalesce(l.unknown_usd, 0) as double) + coalesce(s.unknown_usd, 0) as unknown_usd,
    -- at most that where a call has no price, unknown where more than 1 % of those in it have none
    if(
        coalesce(l.undivided_calls, 0) > 0 or unpriced_in_margin * 100 > l.calls - coalesce(l.unknown_calls, 0),
        null,
        revenue_usd - known_usd - (coalesce(s.shared_usd, 0) - coalesce(s.unknown_usd, 0))
    ) as margin_usd,
    if(revenue_usd > 0, margin_usd / revenue_usd, null) as margin_share,
    margin_usd is not null and unpriced_in_margin > 0 as is_at_most,
    l.outcomes,
    l.successes
from lines as l
left join shared as s using (name)
