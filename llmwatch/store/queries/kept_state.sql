-- One row that differs whenever something has changed of which figures are kept for dashboards.
select
    (select count(*) from calls) as calls,
    (select [count(*), count(value), hash(max(scored_at))] from scores) as scores,
    (select [count(*), hash(max(recorded_at)), hash(sum(amount_usd))] from revenue) as revenue,
    (select [count(*), hash(max(recorded_at))] from replays) as replays,
    (select [count(*), hash(max(recorded_at))] from judgements) as judgements,
    (select [count(*), count(*) filter (where is_undone)] from task_edits) as task_edits,
    (select count(*) from task_members) as task_members,
    (select count(*) from drift_acknowledgements) as acknowledgements,
    (select count(*) from prompt_versions) as prompt_versions,
    (select list(value order by key) from meta where key in ('plans_digest', 'price_digest', 'repriced_at', 'views_digest')) as digests
