-- One row per task and two series of judges that scored the same answers of it: how many, and by how much the later series
-- scored them higher (total and squares of the differences). The later one is that whose scores are the latest.
with judged as (
    select span_id, task, series, value, scored_at
    from answer_scores
    where evidence = 'judge' and name = 'quality' and value is not null and task is not null
        and started_at >= $since and started_at < $until and ($task is null or task = $task)
),
latest as (
    select task, arg_max(series, (scored_at, series)) as series
    from judged
    group by task
)
select
    l.task,
    l.series,
    o.series as older,
    count(n.value) as n,
    round(coalesce(sum(n.value - o.value), 0), 9) as total,
    round(coalesce(sum((n.value - o.value) ** 2), 0), 9) as squares,
    count(*) as older_scores,
    max(o.scored_at) as older_until
from latest as l
join judged as o on o.task = l.task and o.series <> l.series
left join judged as n on n.span_id = o.span_id and n.series = l.series
group by all
order by all
