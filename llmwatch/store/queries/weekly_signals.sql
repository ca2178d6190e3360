-- One row per task, week and stratum: of its answers, how many tell each signal and how many show it.
-- Failed and abandoned calls gave no answer. Lengths are sums of ln(1 + characters), of their squares and cubes.
with answers as (
    select
        coalesce(task_name, task) as task_now,
        cast(date_trunc('week', started_at) as date) as week,
        -- what a stratum is named after: to put names together for every answer takes as long as all counting
        input_language,
        input_size(coalesce(input_tokens, estimated_input_tokens)) as size,
        coalesce(tool_count > 0, false) as has_tools,
        coalesce(media_count > 0, false) as has_media,
        started_at,
        span_id,
        is_request_repeated,
        output_hash,
        is_output_empty,
        is_output_fenced,
        is_output_json_valid,
        is_output_schema_valid,
        is_tool_arguments_valid,
        is_refusal,
        if(
            finish_reasons is null,
            null,
            list_contains(finish_reasons, 'length')
            or list_contains(finish_reasons, 'max_output_tokens')
            or list_contains(finish_reasons, 'max_tokens')
        ) as is_truncated,
        output_language = input_language as is_expected_language,
        ln(1 + output_characters) as length
    from calls
    where
        started_at >= $since
        and started_at < $until
        and not coalesce(is_repeated, false)
        and is_answer(operation_name)
        and coalesce(task_name, task) is not null
        and status = 'ok'
        and usage_source is distinct from 'none'
),
-- Beside the rest: to put answers in order takes longer than all sums, and much longer with every column.
compared as (
    select
        task_now,
        week,
        input_language,
        size,
        has_tools,
        has_media,
        -- as the answer before it was: how often two answers are one does not depend on how many there are
        if(
            coalesce(is_request_repeated, false),
            null,
            output_hash = lag(output_hash) over (
                partition by task_now, input_language, size, has_tools, has_media, week
                order by started_at, span_id
            )
        ) as is_repeated_answer
    from answers
    where task_now in (select task_now from answers where output_hash is not null)
),
repeated as (
    select
        task_now,
        week,
        stratum_name(input_language, size, has_tools, has_media) as stratum,
        count(is_repeated_answer) as n,
        count(*) filter (where is_repeated_answer) as hits
    from compared
    group by task_now, week, input_language, size, has_tools, has_media
),
counted as (
    select
        task_now,
        week,
        stratum_name(input_language, size, has_tools, has_media) as stratum,
        count(*) as answers,
        count(is_output_empty) as output_empty_n,
        count(*) filter (where is_output_empty) as output_empty,
        count(is_output_fenced) as output_fenced_n,
        count(*) filter (where is_output_fenced) as output_fenced,
        count(is_output_json_valid) as output_json_valid_n,
        count(*) filter (where is_output_json_valid) as output_json_valid,
        count(is_output_schema_valid) as output_schema_valid_n,
        count(*) filter (where is_output_schema_valid) as output_schema_valid,
        count(is_tool_arguments_valid) as tool_arguments_valid_n,
        count(*) filter (where is_tool_arguments_valid) as tool_arguments_valid,
        count(is_refusal) as refusal_phrase_n,
        count(*) filter (where is_refusal) as refusal_phrase,
        count(is_truncated) as output_truncated_n,
        count(*) filter (where is_truncated) as output_truncated,
        count(is_expected_language) as output_expected_language_n,
        count(*) filter (where is_expected_language) as output_expected_language,
        count(length) as output_length_n,
        round(coalesce(sum(length), 0), 6) as output_length,
        round(coalesce(sum(length * length), 0), 6) as output_length_squares,
        round(coalesce(sum(length * length * length), 0), 6) as output_length_cubes
    from answers
    group by task_now, week, input_language, size, has_tools, has_media
)
select
    c.task_now as task,
    c.* exclude (task_now),
    coalesce(r.n, 0) as output_repeated_n,
    coalesce(r.hits, 0) as output_repeated
from counted as c
left join repeated as r on r.task_now = c.task_now and r.week = c.week and r.stratum = c.stratum
order by c.task_now, c.week, c.stratum
