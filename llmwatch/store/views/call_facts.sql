-- One row per logical call: the names its spend is asked by, and the facts its rates are counted from.
-- Left out: reads of answers that another call has paid for, and requests that run no model (files, lists, deletions).
-- A batch is one row that counts its requests, until the lines of its output file stand for it.
select
    span_id,
    started_at,
    requests as call_count,
    coalesce(task_name, task) as task,
    customer_id as customer,
    feature,
    coalesce(response_model, request_model) as model,
    request_model,
    service_name as service,
    user_id as "user",
    server_address as host,
    cost_usd,
    input_cost_usd,
    cached_input_cost_usd,
    cache_write_cost_usd,
    output_cost_usd,
    tool_cost_usd,
    unsplit_cost_usd,
    cache_saving_usd,
    cost_grade,
    unpriced_reason,
    estimate_error,
    task_source,
    retries,
    coalesce(input_tokens, estimated_input_tokens) as input_tokens,
    coalesce(output_tokens, estimated_output_tokens) as output_tokens,
    cached_input_tokens,
    cache_write_tokens,
    reasoning_tokens,
    audio_input_tokens,
    audio_output_tokens,
    image_input_tokens,
    image_output_tokens,
    coalesce(web_search_calls, 0) + coalesce(web_search_preview_calls, 0) as web_search_calls,
    file_search_calls,
    container_calls,
    task_source is distinct from 'none' and task is not null as is_task_tagged,
    usage_source is not distinct from 'estimated' as is_estimated,
    -- no cost although the call may have been billed: what a total leaves out
    cost_usd is null and cost_grade is not distinct from 'D' as is_unpriced,
    status = 'error' as is_failed,
    retries > 0 as is_retried,
    -- closed, abandoned or cancelled; a stream that broke is an error
    coalesce(status <> 'error' and stream_end <> 'complete', false) as is_left,
    -- three times list_contains takes a third of the time of list_has_any
    list_contains(finish_reasons, 'length')
        or list_contains(finish_reasons, 'max_output_tokens')
        or list_contains(finish_reasons, 'max_tokens') as is_truncated,
    is_output_empty,
    is_refusal,
    is_content_filtered,
    is_request_repeated,
    len(defects) > 0 as is_defective,
    -- speed is that of answers that arrived while somebody waited; a Live session lasts as long as people talk
    if(
        status = 'ok' and usage_read_at is null and not coalesce(is_batch or is_background, false)
        and coalesce(api_type, '') <> 'live',
        latency_ms, null
    ) as answer_ms,
    if(status = 'ok', time_to_first_token * 1000, null) as first_token_ms,
    if(
        status = 'ok' and usage_read_at is null and output_tokens > 1 and latency_ms > time_to_first_token * 1000,
        (output_tokens - 1) / (latency_ms / 1000 - time_to_first_token),
        null
    ) as tokens_per_second
from calls
where
    requests > 0
    and not coalesce(is_repeated, false)
    and (usage_source is distinct from 'none' or operation_name = 'moderation')
