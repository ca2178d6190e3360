-- One row per answer of a task that a judge scored, the latest scores last; of $series alone where it is given. `model` and
-- `rubric_hash` are those the judge was asked by, null where its scores were stated from outside.
select a.span_id, a.series, any_value(j.model) as model, any_value(j.rubric_hash) as rubric_hash
from answer_scores as a
left join judgements as j
    on j.span_id = a.span_id and j.score is not null and j.replay_id is null and j.recorded_at = a.scored_at
where
    a.evidence = 'judge' and a.name = 'quality' and a.value is not null and a.task = $task
    and a.started_at >= $since and a.started_at < $until and ($series is null or a.series = $series)
group by a.span_id, a.series, a.scored_at
order by a.scored_at, a.series, a.span_id
