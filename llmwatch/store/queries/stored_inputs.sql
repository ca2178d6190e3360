-- One row per call of a task in a period that ran a chat model: what decides whether its input can be sent again.
-- Repeats of usage and reads of answers are no calls.
select
    c.span_id,
    c.started_at,
    c.endpoint,
    c.status,
    coalesce(c.response_model, c.request_model) as model,
    c.request_model,
    c.server_address,
    c.content_mode,
    coalesce(c.is_content_truncated, false) as is_truncated,
    coalesce(c.redaction_count, 0) as redactions,
    c.sample_probability,
    k.span_id is not null as is_kept,
    c.previous_response_id is not null or c.conversation_id is not null as is_continued,
    coalesce(c.input_tokens, c.estimated_input_tokens) as input_tokens,
    coalesce(c.output_tokens, c.estimated_output_tokens) as output_tokens,
    c.input_characters,
    c.max_tokens,
    coalesce(c.choice_count, 1) as choices,
    coalesce(c.media_count, 0) as media,
    c.finish_reasons,
    -- as the answer was found when it came: false if any check failed, null if none applied
    case
        when false in (c.is_output_json_valid, c.is_output_schema_valid, c.is_tool_arguments_valid) then false
        when true in (c.is_output_json_valid, c.is_output_schema_valid, c.is_tool_arguments_valid) then true
    end as is_valid,
    coalesce(c.is_refusal, false) or coalesce(c.is_content_filtered, false)
        or list_has_any(coalesce(c.finish_reasons, []), ['length', 'max_output_tokens', 'max_tokens']) as is_cut,
    c.latency_ms,
    c.time_to_first_token * 1000 as first_token_ms,
    c.cost_usd,
    s.stratum
from calls as c
join call_strata as s on s.span_id = c.span_id
left join content as k on k.span_id = c.span_id
where
    s.task = $task
    and not coalesce(c.is_repeated, false)
    and c.started_at >= $since
    and c.started_at < $until
    and c.operation_name = 'chat'
    -- a line of a batch's output says nothing of its input
    and c.batch_file is null
order by c.started_at, c.span_id
