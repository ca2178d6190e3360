-- One row per stored call record: its task, and the stratum in which answers are compared with each other.
-- A stratum is language, length of the input in tokens, and whether tools or images were there; "?" is not known.
select
    span_id,
    trace_id,
    response_id,
    started_at,
    coalesce(task_name, task) as task,
    sample_probability,
    concat_ws(
        ' · ',
        coalesce(input_language, '?'),
        case
            when coalesce(input_tokens, estimated_input_tokens) < 1000 then '<1k'
            when coalesce(input_tokens, estimated_input_tokens) < 8000 then '1-8k'
            when coalesce(input_tokens, estimated_input_tokens) <= 50000 then '8-50k'
            when coalesce(input_tokens, estimated_input_tokens) > 50000 then '>50k'
            else '?'
        end,
        if(tool_count > 0, 'tools', null),
        if(media_count > 0, 'media', null)
    ) as stratum
from calls
