-- One row if the content of the call was kept.
select *
from content
where span_id = $span_id
