-- One row per score that stands, with the call it is of: its latest record, unless that deletes it.
-- The call is found by span, else by response, else by a trace that has exactly one call; span_id is null where none is.
with
latest as (
    select *
    from scores
    -- two records of one moment: any, but always the same one
    qualify row_number() over (
        partition by score_id order by scored_at desc, is_deleted desc nulls last, value desc, difference desc, label
    ) = 1
),
standing as (from latest where not coalesce(is_deleted, false)),
single as (
    select trace_id, min(c.span_id) as span_id
    from call_strata as c
    where is_answer and trace_id in (select trace_id from standing where trace_id is not null)
    group by trace_id
    having count(*) = 1
),
found as (
    select s.score_id, 1 as way, c.span_id, c.started_at, c.task, c.stratum, c.sample_probability
    from standing as s
    join call_strata as c on c.span_id = s.span_id
    union all
    select s.score_id, if(c.is_answer, 2, 3), c.span_id, c.started_at, c.task, c.stratum, c.sample_probability
    from standing as s
    join call_strata as c on c.response_id = s.response_id
    union all
    select s.score_id, 4, c.span_id, c.started_at, c.task, c.stratum, c.sample_probability
    from standing as s
    join single as t on t.trace_id = s.trace_id
    join call_strata as c on c.span_id = t.span_id
),
resolved as (
    select *
    from found
    qualify row_number() over (partition by score_id order by way, started_at) = 1
)
select
    s.score_id,
    s.scored_at,
    r.span_id,
    r.task,
    r.started_at,
    cast(date_trunc('week', r.started_at) as date) as week,
    r.stratum,
    r.sample_probability,
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
    s.task as stated_task,
    s.span_id as stated_span_id,
    s.trace_id as stated_trace_id,
    s.response_id as stated_response_id
from standing as s
left join resolved as r on r.score_id = s.score_id
