-- One row per HTTP try of the call, in order.
select *
from http_attempts
where parent_span_id = $span_id
order by started_at
