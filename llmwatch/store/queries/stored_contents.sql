-- One row per call of these whose content is kept.
select span_id, input_messages, output_messages, system_instructions, tool_definitions, request_parameters
from content
where list_contains($span_ids, span_id)
