-- One row per task of $names, week, rung of evidence and series: the quality scores of calls of that week, in sums.
select
    task,
    week,
    evidence,
    series,
    count(*) as n,
    round(sum(value), 9) as total,
    round(sum(value ** 2), 9) as squares
from answer_scores
where
    started_at >= $since and started_at < $until
    and task in (select unnest($names)) and name = 'quality' and value is not null
group by all
order by all
