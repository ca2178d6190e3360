-- One row per input of a task that was replayed on a model and answered, or refused for good, in the order of sending.
-- `reference` is what somebody said the right answer is; the judge's verdicts are those of the latest series (judge and
-- rubric) for the task and the model.
with ended as (
    select r.*, s.sent_at
    from replays as r
    join (
        select replay_id, run_id, min(recorded_at) as sent_at
        from replays
        where state = 'sent'
        group by replay_id, run_id
    ) as s using (replay_id, run_id)
    where r.state in ('answered', 'failed') and r.facts is not null and r.model = $model
    qualify row_number() over (partition by replay_id order by r.recorded_at desc, r.state) = 1
),
named as (
    select e.*, c.stratum, coalesce(c.task, e.task_name) as task
    from ended as e
    left join call_strata as c on c.span_id = e.span_id
    where coalesce(c.task, e.task_name) = $task
),
given as (
    select span_id, arg_max(label, scored_at) as reference
    from scores_current
    where evidence = 'reference' and name = 'quality' and label is not null
    group by span_id
),
verdicts as (
    select replay_id, first_answer, verdict, recorded_at, concat_ws(' ', model, rubric_hash) as series
    from judgements
    where state = 'answered' and verdict is not null and replay_id in (select replay_id from named)
    qualify row_number() over (
        partition by replay_id, first_answer, model, rubric_hash order by recorded_at desc, verdict
    ) = 1
),
judged as (
    select
        replay_id,
        -- an order that was not asked yet leaves the pair unjudged; two orders that disagree say nothing: same
        case when count(*) = 2 then if(min(verdict) = max(verdict), min(verdict), 'same') end as judge
    from verdicts
    where series = (select arg_max(series, (recorded_at, series)) from verdicts)
    group by replay_id
)
select
    n.replay_id,
    n.run_id,
    n.span_id,
    n.sent_at,
    n.state,
    coalesce(n.stratum, '') as stratum,
    n.response_model,
    n.server_address,
    n.input_tokens,
    n.cached_input_tokens,
    n.cache_write_tokens,
    n.output_tokens,
    n.reasoning_tokens,
    n.retries,
    n.latency_ms,
    n.time_to_first_token_ms,
    n.finish_reason,
    n.cost_usd,
    n.error,
    n.facts,
    g.reference,
    j.judge
from named as n
left join given as g on g.span_id = n.span_id
left join judged as j on j.replay_id = n.replay_id
order by n.sent_at, n.replay_id
