-- One row per scored answer, rung of evidence, name and series: several scores of one rung are one, their mean.
-- A series is the rubric of a judge, '' of everybody else; another rubric is another series. Its week is the call's.
-- `weight` is 1 / the chance with which the answer came to be scored, relative within a task; 1 where none was drawn.
with
judged as (
    select *
    from judgements
    where replay_id is null and score is not null
    qualify row_number() over (partition by judgement_id order by recorded_at desc, score) = 1
),
every as (
    select span_id, task, started_at, week, stratum, evidence, name, coalesce(rubric_hash, '') as series, value,
        1 / probability as weight, false_facts, scored_at
    from scores_current
    where span_id is not null and (value is not null or false_facts is not null)
    union all by name
    -- The chance that content was kept: a judge draws evenly from the answers whose content there is.
    select c.span_id, c.task, c.started_at, cast(date_trunc('week', c.started_at) as date) as week, c.stratum,
        'judge' as evidence, 'quality' as name, coalesce(j.rubric_hash, '') as series, j.score as value,
        1 / c.sample_probability as weight, j.recorded_at as scored_at
    from judged as j
    join call_strata as c on c.span_id = j.span_id
)
select
    span_id,
    any_value(task) as task,
    min(started_at) as started_at,
    min(week) as week,
    any_value(stratum) as stratum,
    evidence,
    name,
    series,
    avg(value) as value,
    coalesce(max(weight) filter (where isfinite(weight)), 1) as weight,
    avg(false_facts) as false_facts,
    max(scored_at) as scored_at
from every
group by span_id, evidence, name, series
