-- One row per task: answers of the period, and those that capture's own checks say cannot be acceptable.
select
    task_now as task,
    count(*) as answers,
    count(*) filter (where is_checked) as checked,
    count(*) filter (where is_output_empty) as empty_answers,
    count(*) filter (where is_truncated) as truncated,
    count(*) filter (where is_refused) as refused,
    count(*) filter (where is_output_json_valid = false) as json_invalid,
    count(*) filter (where is_output_schema_valid = false) as schema_invalid,
    count(*) filter (where is_tool_arguments_valid = false) as arguments_invalid,
    count(*) filter (
        where is_checked and (
            is_output_empty or is_truncated or is_refused or is_output_json_valid = false
            or is_output_schema_valid = false or is_tool_arguments_valid = false
        )
    ) as unacceptable
from (
    select
        coalesce(task_name, task) as task_now,
        is_output_empty,
        is_output_json_valid,
        is_output_schema_valid,
        is_tool_arguments_valid,
        coalesce(is_refusal, false) or coalesce(is_content_filtered, false) as is_refused,
        coalesce(
            list_contains(finish_reasons, 'length')
                or list_contains(finish_reasons, 'max_output_tokens')
                or list_contains(finish_reasons, 'max_tokens'),
            false
        ) as is_truncated,
        is_output_empty is not null as is_checked
    from calls
    where
        started_at >= $since
        and started_at < $until
        and status = 'ok'
        and not coalesce(is_repeated, false)
        and is_answer(operation_name)
)
where task_now is not null
group by task_now
order by task_now
