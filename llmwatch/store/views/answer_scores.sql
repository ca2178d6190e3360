-- One row per scored answer, rung of evidence, name and series: several scores of one rung are one, their mean.
-- A series is the rubric and the model of a judge, '' of everybody else: another judge is another series. Its week is the
-- call's. `scorer` is who labeled or reviewed, 'several' where they were more than one; '' of every other rung.
-- `weight` is 1 / the chance with which the answer came to be scored, relative within a task; 1 where none was drawn.
with
judged as (
    select
        *,
        -- an alias is the snapshot that answers for it; before snapshots were recorded, the first that was
        coalesce(
            response_model,
            first_value(response_model ignore nulls) over (
                partition by model, rubric_hash order by recorded_at
                rows between unbounded preceding and unbounded following
            ),
            model
        ) as judge
    from judgements
    where replay_id is null and score is not null
    qualify row_number() over (partition by judgement_id order by recorded_at desc, score) = 1
),
every as (
    select span_id, task, started_at, week, stratum, evidence, name, value, 1 / probability as weight, false_facts, scored_at,
        concat_ws(' ', rubric_hash, if(evidence = 'judge', scorer, null)) as series,
        if(evidence in ('label', 'review'), coalesce(scorer, ''), '') as scorer
    from scores_current
    where span_id is not null and (value is not null or false_facts is not null)
    union all by name
    -- The chance that content was kept: a judge draws evenly from the answers whose content there is.
    select c.span_id, c.task, c.started_at, cast(date_trunc('week', c.started_at) as date) as week, c.stratum,
        'judge' as evidence, 'quality' as name, j.score as value, 1 / c.sample_probability as weight,
        j.recorded_at as scored_at, concat_ws(' ', j.rubric_hash, j.judge) as series, '' as scorer
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
    max(scored_at) as scored_at,
    if(min(scorer) = max(scorer), min(scorer), 'several') as scorer
from every
group by span_id, evidence, name, series
