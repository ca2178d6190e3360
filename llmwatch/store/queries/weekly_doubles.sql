-- One row per task, week, stratum, rung of people, who of them scored and judge's series: the answers that both scored, in
-- sums of their scores.
select
    p.task,
    p.week,
    p.stratum,
    p.evidence,
    p.scorer,
    j.series,
    count(*) as n,
    round(sum(p.value), 9) as people,
    round(sum(p.value ** 2), 9) as people_squares,
    round(sum(j.value), 9) as judge,
    round(sum(j.value ** 2), 9) as judge_squares,
    round(sum(p.value * j.value), 9) as product
from answer_scores as p
join answer_scores as j on j.span_id = p.span_id and j.evidence = 'judge' and j.name = 'quality'
where
    p.evidence in ('review', 'label', 'reference') and p.name = 'quality' and p.task is not null
    and p.value is not null and j.value is not null and p.started_at >= $since and p.started_at < $until
group by all
order by all
