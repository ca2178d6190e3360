-- One row: what replays and judgements cost in the period, and how many cost something nobody knows.
with spent as (
    select 'replay' as kind, replay_id as id, max(cost_usd) as cost_usd, max(reserved_usd) as reserved_usd, bool_or(error is not null) as has_failed
    from replays
    where recorded_at >= $since and recorded_at < $until
    group by replay_id, run_id
    union all
    select 'judgement', judgement_id, max(cost_usd), max(reserved_usd), bool_or(error is not null)
    from judgements
    where recorded_at >= $since and recorded_at < $until
    group by judgement_id, run_id
)
select
    coalesce(sum(cost_usd) filter (where kind = 'replay'), 0) as replays_usd,
    coalesce(sum(cost_usd) filter (where kind = 'judgement'), 0) as judgements_usd,
    count(*) filter (where kind = 'replay') as replays,
    count(*) filter (where kind = 'judgement') as judgements,
    count(*) filter (where cost_usd is null) as unknown,
    sum(reserved_usd) filter (where cost_usd is null) as reserved_usd
from spent
