-- One row per score named that stands, as it was stated: its ids, and what it says.
select
    score_id,
    scored_at,
    stated_span_id as span_id,
    stated_response_id as response_id,
    stated_trace_id as trace_id,
    name,
    value,
    label,
    evidence,
    scorer,
    false_facts,
    probability,
    comment,
    difference,
    replay_id
from scores_current
where score_id in (select unnest($names))
order by score_id
