-- One row per stored call record: its task, and the stratum in which answers are compared with each other.
-- A stratum is language, length of the input in tokens, and whether tools or images were there; "?" is not known.
select
    span_id,
    trace_id,
    response_id,
    started_at,
    coalesce(task_name, task) as task,
    sample_probability,
    stratum(input_language, coalesce(input_tokens, estimated_input_tokens), tool_count, media_count) as stratum
from calls
