-- One row per period (asked for, and the one before) and name in $names, one for all other names together (no name),
-- and one over all calls.
with facts as (
    select
        *,
        started_at >= $since as is_current,
        case $dimension
            when 'task' then task
            when 'customer' then customer
            when 'feature' then feature
            when 'model' then model
            when 'service' then service
            when 'user' then "user"
        end as full_name
    from call_facts
    where started_at >= $previous_since and started_at < $until
),
-- Summed once per combination of facts, then filtered: 0.2 s for a million calls, against 0.7 s with filters on every call.
kinds as (
    select
        is_current,
        -- '' is the name of what carries none
        if(coalesce(full_name, '') in (select unnest($names)), coalesce(full_name, ''), null) as name,
        cost_grade,
        is_unpriced,
        is_estimated,
        is_failed,
        is_left,
        is_retried,
        is_truncated,
        is_output_empty,
        is_refusal,
        is_content_filtered,
        is_request_repeated,
        is_defective,
        is_task_tagged,
        customer is not null as is_customer_tagged,
        sum(call_count) as calls,
        sum(cost_usd) as cost_usd,
        sum(input_cost_usd) as input_usd,
        sum(cached_input_cost_usd) as cached_input_usd,
        sum(cache_write_cost_usd) as cache_write_usd,
        sum(output_cost_usd) as output_usd,
        sum(tool_cost_usd) as tool_usd,
        sum(unsplit_cost_usd) as unsplit_usd,
        sum(cache_saving_usd) as cache_saving_usd,
        sum(estimate_error * cost_usd) as estimate_error_usd,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cached_input_tokens) as cached_input_tokens,
        sum(cache_write_tokens) as cache_write_tokens,
        sum(reasoning_tokens) as reasoning_tokens,
        sum(audio_input_tokens) as audio_input_tokens,
        sum(audio_output_tokens) as audio_output_tokens,
        sum(image_input_tokens) as image_input_tokens,
        sum(image_output_tokens) as image_output_tokens,
        sum(web_search_calls) as web_search_calls,
        sum(file_search_calls) as file_search_calls,
        sum(container_calls) as container_calls,
        sum(retries) as retries,
        sum(if(is_failed and cost_usd = 0, call_count, 0)) as unbilled_calls
    from facts
    group by all
),
sums as (
    select
        is_current,
        name,
        grouping(name) = 1 as is_total,
        sum(calls) as calls,
        sum(cost_usd) as spend_usd,
        sum(input_usd) as input_usd,
        sum(cached_input_usd) as cached_input_usd,
        sum(cache_write_usd) as cache_write_usd,
        sum(output_usd) as output_usd,
        sum(tool_usd) as tool_usd,
        sum(unsplit_usd) as unsplit_usd,
        sum(cache_saving_usd) as cache_saving_usd,
        sum(cost_usd) filter (where cost_grade = 'A') as grade_a_usd,
        sum(cost_usd) filter (where cost_grade = 'B') as grade_b_usd,
        sum(cost_usd) filter (where cost_grade = 'C') as grade_c_usd,
        sum(calls) filter (where cost_grade = 'A') as grade_a_calls,
        sum(calls) filter (where cost_grade = 'B') as grade_b_calls,
        sum(calls) filter (where cost_grade = 'C') as grade_c_calls,
        -- failed before there was an answer: nothing is known of their usage, and nothing was billed
        sum(unbilled_calls) filter (where cost_grade = 'A') as unbilled_calls,
        sum(calls) filter (where is_unpriced) as unpriced_calls,
        sum(calls) filter (where is_estimated) as estimated_calls,
        sum(cost_usd) filter (where is_estimated) as estimated_usd,
        sum(estimate_error_usd) filter (where is_estimated) as estimate_error_usd,
        sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens,
        sum(cached_input_tokens) as cached_input_tokens,
        sum(cache_write_tokens) as cache_write_tokens,
        sum(reasoning_tokens) as reasoning_tokens,
        sum(audio_input_tokens) as audio_input_tokens,
        sum(audio_output_tokens) as audio_output_tokens,
        sum(image_input_tokens) as image_input_tokens,
        sum(image_output_tokens) as image_output_tokens,
        sum(web_search_calls) as web_search_calls,
        sum(file_search_calls) as file_search_calls,
        sum(container_calls) as container_calls,
        sum(calls) filter (where is_failed) as failed_calls,
        sum(cost_usd) filter (where is_failed) as failed_usd,
        sum(calls) filter (where is_retried) as retried_calls,
        sum(retries) as retries,
        sum(cost_usd) filter (where is_retried) as retried_usd,
        sum(calls) filter (where is_left) as left_calls,
        sum(cost_usd) filter (where is_left) as left_usd,
        sum(calls) filter (where is_truncated) as truncated_calls,
        sum(calls) filter (where is_truncated and is_output_empty and not is_failed and not is_left) as cut_empty_calls,
        sum(cost_usd) filter (where is_truncated and is_output_empty and not is_failed and not is_left) as cut_empty_usd,
        sum(calls) filter (where is_refusal) as refused_calls,
        sum(calls) filter (where is_content_filtered) as filtered_calls,
        sum(calls) filter (where is_request_repeated) as repeated_calls,
        sum(cost_usd) filter (where is_request_repeated) as repeated_usd,
        sum(calls) filter (where is_defective) as defect_calls,
        sum(calls) filter (where not is_task_tagged) as untagged_task_calls,
        sum(cost_usd) filter (where not is_task_tagged) as untagged_task_usd,
        sum(calls) filter (where not is_customer_tagged) as untagged_customer_calls,
        sum(cost_usd) filter (where not is_customer_tagged) as untagged_customer_usd
    from kinds
    group by grouping sets ((is_current), (is_current, name))
)
select *
from sums
