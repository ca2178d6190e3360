-- One row per answer that the latest series of a task's judge scored and whose content is kept: what an audit draws from.
with latest as (
    select task, arg_max(series, (scored_at, series)) as series
    from answer_scores
    where evidence = 'judge' and name = 'quality' and value is not null
        and started_at >= $since and started_at < $until and ($task is null or task = $task)
    group by task
),
kept as (
    select c.task, count(distinct c.span_id) as n
    from call_strata as c
    where c.started_at >= $since and c.started_at < $until and c.span_id in (select span_id from answers_kept)
    group by c.task
)
select
    a.span_id,
    a.task,
    a.started_at,
    a.week,
    a.stratum,
    case when a.value < 0.5 then 'low' when a.value < 0.85 then 'middle' else 'high' end as judged,
    1 / a.weight as chance,
    k.n as kept,
    md5_number_lower($key || a.span_id) / 18446744073709551616.0 as drawn,
    s.span_id is not null as is_done
from answer_scores as a
join latest as l on l.task = a.task and l.series = a.series
join kept as k on k.task = a.task
left join (
    select distinct span_id
    from scores_current
    where evidence in ('review', 'label', 'reference') and name = 'quality' and value is not null
) as s on s.span_id = a.span_id
where
    a.evidence = 'judge'
    and a.name = 'quality'
    and a.value is not null
    and a.started_at >= $since
    and a.started_at < $until
    and a.span_id in (select span_id from answers_kept)
order by a.task, drawn, a.span_id
