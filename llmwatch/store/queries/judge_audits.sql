-- One row per task, judge's series and stratum of the judge's score: how many answers it scored, what people say of some.
-- People are whoever gave a label, a reference or a review; their mean where several did.
with
judged as (
    select span_id, task, series, value,
        case when value < 0.5 then 'low' when value < 0.85 then 'middle' else 'high' end as stratum
    from answer_scores
    where evidence = 'judge' and name = 'quality' and value is not null and task is not null
        and started_at >= $since and started_at < $until
),
audited as (
    select span_id, avg(value) as value
    from answer_scores
    where evidence in ('review', 'label', 'reference') and name = 'quality' and value is not null
        and started_at >= $since and started_at < $until
    group by span_id
)
select
    j.task,
    j.series,
    j.stratum,
    count(*) as n,
    count(a.value) as audits,
    round(coalesce(sum(a.value), 0), 9) as total,
    round(coalesce(sum(a.value ** 2), 0), 9) as squares,
    bool_and(a.value in (0, 1)) as is_binary
from judged as j
left join audited as a on a.span_id = j.span_id
group by all
order by all
