-- One row: the scores that stand, and those whose call is not, or no longer, in the store; null names mean all scores.
select
    count(*) as scores,
    count(*) filter (where span_id is null) as unresolved
from scores_current
where $names is null or score_id in (select unnest(cast($names as varchar[])))
