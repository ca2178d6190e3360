-- One row: the scores that stand, and those whose call is not, or no longer, in the store.
select
    count(*) as scores,
    count(*) filter (where span_id is null) as unresolved,
    count(*) filter (where span_id is null and stated_span_id is null and stated_response_id is null
        and stated_trace_id is not null) as by_trace
from scores_current
