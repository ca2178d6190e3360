-- One row per task, model and way of being billed: what its calls of the period asked for, used and cost.
-- Left out: reads of answers that another call has paid for, and requests that run no chat model.
with sums as (
    select
        coalesce(task_name, task, '') as task_name,
        coalesce(response_model, request_model, '') as model,
        coalesce(service_tier, 'default') as service_tier,
        coalesce(is_batch, false) as is_batch,
        coalesce(server_address, '') as server_address,
        coalesce(input_tokens, estimated_input_tokens, 0) > 272000 as is_long,
        -- calls that are not merged yet are in no table and have no rowid
        max({'at': started_at, 'span': span_id}) as last_call,
        sum(requests) as calls,
        count(cost_usd) as priced_calls,
        sum(cost_usd) as cost_usd,
        sum(tool_cost_usd) as tool_cost_usd,
        sum(coalesce(input_tokens, estimated_input_tokens)) as input_tokens,
        sum(coalesce(output_tokens, estimated_output_tokens)) as output_tokens,
        -- a failed call has no output, not an output of nothing
        count(coalesce(output_tokens, estimated_output_tokens)) as answered,
        sum(cached_input_tokens) as cached_input_tokens,
        sum(cache_write_tokens) as cache_write_tokens,
        sum(cache_write_12h_tokens) as cache_write_12h_tokens,
        -- shorter inputs are never cached
        sum(if(input_tokens >= 1024, input_tokens, 0)) as cacheable_tokens,
        sum(reasoning_tokens) as reasoning_tokens,
        max(input_tokens) as max_input_tokens,
        max(output_tokens) as max_output_tokens,
        sum(media_count) as media,
        sum(if(media_count > 0, input_tokens, 0)) as media_input_tokens,
        sum(if(media_count > 0, input_characters, 0)) as media_characters,
        sum(audio_input_tokens) as audio_input_tokens,
        sum(audio_output_tokens) as audio_output_tokens,
        sum(image_output_tokens) as image_output_tokens,
        sum(web_search_calls) as web_searches,
        sum(web_search_preview_calls) as web_search_previews,
        sum(if(tool_count > 0, 1, 0)) as tool_offered,
        count(schema_hash) as with_schema,
        count(max_tokens) as with_max_tokens,
        count(temperature) + count(top_p) + count(presence_penalty) + count(frequency_penalty) as with_sampling,
        count(previous_response_id) as continued,
        approx_count_distinct(if(tool_count > 0, trace_id, null)) as tool_traces
    from calls
    where
        started_at >= $since
        and started_at < $until
        and not coalesce(is_repeated, false)
        and operation_name in ('chat', 'text_completion', 'fetch_response')
        and usage_source is distinct from 'none'
        and (operation_name <> 'fetch_response' or usage_source = 'response')
    group by all
)
select
    s.* exclude (last_call),
    c.request_model,
    c.endpoint,
    c.call_site,
    c.task_source,
    c.response_format,
    c.reasoning_level
from sums as s
join calls as c on c.started_at = s.last_call.at and c.span_id = s.last_call.span
order by s.task_name, s.cost_usd desc nulls last, s.model, s.service_tier, s.is_batch, s.server_address, s.is_long
