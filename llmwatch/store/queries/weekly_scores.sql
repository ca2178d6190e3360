-- One row per task, week, stratum, rung of evidence, name, series and scorer: the scores of calls of that week, in sums.
-- n, total, squares and cubes are unweighted: within a stratum answers are compared as they are, whatever the chance
-- with which they were drawn. The weighted sums, by 1 / that chance, are for the level over all strata alone.
-- An answer that two judges scored counts with the later one, so that series can be joined.
with judged_twice as (
    select span_id, name, arg_max(series, (scored_at, series)) as series
    from answer_scores
    where evidence = 'judge' and started_at >= $since and started_at < $until
    group by span_id, name
    having count(*) > 1
)
select
    a.task,
    a.week,
    a.stratum,
    a.evidence,
    a.name,
    a.series,
    a.scorer,
    count(*) as n,
    -- rounded: a sum of floats depends on the order of rows in its last digits
    round(sum(a.value), 9) as total,
    round(sum(a.value ** 2), 9) as squares,
    round(sum(a.value ** 3), 9) as cubes,
    round(sum(a.weight), 9) as weights,
    round(sum(a.weight * a.value), 9) as weighted_total,
    round(sum(a.weight ** 2), 9) as weights_squared,
    max(a.scored_at) as last_scored_at
from answer_scores as a
left join judged_twice as t on t.span_id = a.span_id and t.name = a.name and a.evidence = 'judge'
where
    a.started_at >= $since and a.started_at < $until and a.task is not null and a.value is not null
    and (t.series is null or t.series = a.series)
group by all
order by all
