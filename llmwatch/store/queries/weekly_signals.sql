-- One row per task, week and stratum: of its answers, how many tell each signal and how many show it.
-- Failed and abandoned calls gave no answer. Lengths are sums of ln(1 + characters), of their squares and cubes.
with answers as (
    select
        s.task,
        cast(date_trunc('week', s.started_at) as date) as week,
        s.stratum,
        c.is_output_empty,
        c.is_output_fenced,
        c.is_output_json_valid,
        c.is_output_schema_valid,
        c.is_tool_arguments_valid,
        c.is_refusal,
        if(
            c.finish_reasons is null,
            null,
            list_contains(c.finish_reasons, 'length')
            or list_contains(c.finish_reasons, 'max_output_tokens')
            or list_contains(c.finish_reasons, 'max_tokens')
        ) as is_truncated,
        c.output_language = c.input_language as is_expected_language,
        -- as the answer before it was: how often two answers are one does not depend on how many there are
        if(
            coalesce(c.is_request_repeated, false),
            null,
            c.output_hash = lag(c.output_hash) over (
                partition by s.task, s.stratum, date_trunc('week', s.started_at) order by s.started_at, c.span_id
            )
        ) as is_repeated_answer,
        ln(1 + c.output_characters) as length
    from calls as c
    join call_strata as s on s.span_id = c.span_id
    where
        s.started_at >= $since
        and s.started_at < $until
        and c.started_at >= $since
        and c.started_at < $until
        and not coalesce(c.is_repeated, false)
        and c.operation_name not in ('fetch_response', 'fetch_batch')
        and s.task is not null
        and c.status = 'ok'
        and c.usage_source is distinct from 'none'
)
select
    task,
    week,
    stratum,
    count(*) as answers,
    count(is_output_empty) as output_empty_n,
    count_if(is_output_empty) as output_empty,
    count(is_output_fenced) as output_fenced_n,
    count_if(is_output_fenced) as output_fenced,
    count(is_output_json_valid) as output_json_valid_n,
    count_if(is_output_json_valid) as output_json_valid,
    count(is_output_schema_valid) as output_schema_valid_n,
    count_if(is_output_schema_valid) as output_schema_valid,
    count(is_tool_arguments_valid) as tool_arguments_valid_n,
    count_if(is_tool_arguments_valid) as tool_arguments_valid,
    count(is_refusal) as refusal_phrase_n,
    count_if(is_refusal) as refusal_phrase,
    count(is_truncated) as output_truncated_n,
    count_if(is_truncated) as output_truncated,
    count(is_expected_language) as output_expected_language_n,
    count_if(is_expected_language) as output_expected_language,
    count(is_repeated_answer) as output_repeated_n,
    count_if(is_repeated_answer) as output_repeated,
    count(length) as output_length_n,
    round(coalesce(sum(length), 0), 6) as output_length,
    round(coalesce(sum(length * length), 0), 6) as output_length_squares,
    round(coalesce(sum(length * length * length), 0), 6) as output_length_cubes
from answers
group by task, week, stratum
order by task, week, stratum
