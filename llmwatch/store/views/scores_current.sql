-- One row per score that stands, with the call it is of: its latest record, unless that deletes it.
-- The call is found by span, else by response, else by a trace that has exactly one call; span_id is null where none is.
with
-- a window over all scores would take longer than all the rest
rescored as materialized (select score_id from scores group by score_id having count(*) > 1),
standing as materialized (
    from (
        from scores
        where score_id not in (from rescored)
        union all
        select *
        from scores
        where score_id in (from rescored)
        -- two records of one moment: any, but always the same one
        qualify row_number() over (
            partition by score_id order by scored_at desc, is_deleted desc nulls last, value desc, difference desc
        ) = 1
    )
    where not coalesce(is_deleted, false)
),
-- all that is asked of the call is taken along: to find it again takes as long
by_span as (
    select s.score_id, c.span_id, min(c.started_at) as started_at, any_value(c.task) as task, any_value(c.stratum) as stratum,
        any_value(c.sample_probability) as sample_probability
    from standing as s
    join call_strata as c on c.span_id = s.span_id
    group by s.score_id, c.span_id
),
found as (
    -- rather the answer itself than a later reading of it
    select s.score_id, if(is_answer(c.operation_name), 2, 3) as way, c.span_id, c.started_at
    from standing as s
    join calls as c on c.response_id = s.response_id
    where s.score_id not in (select score_id from by_span)
    union all
    select s.score_id, 4, min(c.span_id), min(c.started_at)
    from standing as s
    join calls as c on c.trace_id = s.trace_id
    where
        s.span_id is null
        and s.response_id is null
        and not coalesce(c.is_repeated, false)
        and is_answer(c.operation_name)
    group by s.score_id
    having count(*) = 1
),
resolved as (
    select score_id, arg_min(span_id, (way, started_at)) as span_id
    from found
    group by score_id
),
scored as (
    select span_id, min(started_at) as started_at, any_value(task) as task, any_value(stratum) as stratum,
        any_value(sample_probability) as sample_probability
    from call_strata
    where span_id in (select span_id from resolved)
    group by span_id
),
of_call as (
    from by_span
    union all by name
    select r.score_id, c.*
    from resolved as r
    join scored as c on c.span_id = r.span_id
)
select
    s.score_id,
    s.scored_at,
    c.span_id,
    c.task,
    c.started_at,
    cast(date_trunc('week', c.started_at) as date) as week,
    c.stratum,
    c.sample_probability,
    coalesce(s.evidence, 'feedback') as evidence,
    coalesce(s.name, 'quality') as name,
    s.value,
    s.label,
    s.scorer,
    s.rubric_hash,
    s.probability,
    s.false_facts,
    s.comment,
    s.source,
    s.replay_id,
    s.difference,
    coalesce(n.task_name, s.task) as stated_task,
    s.span_id as stated_span_id,
    s.trace_id as stated_trace_id,
    s.response_id as stated_response_id
from standing as s
left join of_call as c on c.score_id = s.score_id
left join task_renames as n on n.given_name = s.task
