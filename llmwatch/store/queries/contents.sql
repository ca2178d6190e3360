-- One row per call named whose content is kept.
select span_id, input_messages, output_messages, system_instructions
from content
where span_id in (select unnest($names))
qualify row_number() over (partition by span_id order by started_at) = 1
