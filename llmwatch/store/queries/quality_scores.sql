-- One row per task, rung of evidence and series: the scores of quality of the period's calls, in sums.
-- Weighted sums are by 1 / the chance with which an answer came to be scored.
select
    task,
    evidence,
    series,
    count(*) filter (where value is not null) as n,
    bool_and(value in (0, 1)) as is_binary,
    round(sum(weight) filter (where value is not null), 9) as weights,
    round(sum(weight ** 2) filter (where value is not null), 9) as weights_squared,
    round(sum(weight * value), 9) as weighted_total,
    round(sum(weight * value ** 2), 9) as weighted_squares,
    max(scored_at) as last_scored_at,
    -- what people counted of made-up facts
    count(false_facts) as fact_answers,
    round(sum(weight) filter (where false_facts is not null), 9) as fact_weights,
    round(sum(weight ** 2) filter (where false_facts is not null), 9) as fact_weights_squared,
    round(sum(weight * false_facts), 9) as fact_weighted_total,
    round(sum(weight) filter (where false_facts > 0), 9) as fact_weighted_answers
from answer_scores
where started_at >= $since and started_at < $until and task is not null and name = 'quality'
group by all
order by all
