-- One row per call record that passes every condition, in the order asked for; `matched` counts all that pass.
-- The command replaces the two markers with column names and operators from its own lists; values are parameters.
select
    *,
    count(*) over () as matched
from call_lines
where started >= $since and started < $until /* and conditions */
order by /* order */ id
limit $limit
