-- One row per call record that the id names: the start of a span id, or a whole response, request or trace id.
select *
from calls
where starts_with(span_id, $id) or response_id = $id or request_id = $id or trace_id = $id
order by started_at, span_id
limit $limit
