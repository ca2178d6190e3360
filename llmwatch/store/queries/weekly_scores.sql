-- One row per task, week, stratum, rung of evidence, name and series: the scores of calls of that week, in sums.
-- n, total, squares and cubes are unweighted: within a stratum answers are compared as they are, whatever the chance
-- with which they were drawn. The weighted sums, by 1 / that chance, are for the level over all strata alone.
select
    task,
    week,
    stratum,
    evidence,
    name,
    series,
    count(*) as n,
    -- rounded: a sum of floats depends on the order of rows in its last digits
    round(sum(value), 9) as total,
    round(sum(value ** 2), 9) as squares,
    round(sum(value ** 3), 9) as cubes,
    round(sum(weight), 9) as weights,
    round(sum(weight * value), 9) as weighted_total,
    round(sum(weight ** 2), 9) as weights_squared
from answer_scores
where started_at >= $since and started_at < $until and task is not null and value is not null
group by all
order by all
