-- One row per task in $tasks, day, kind of thing that can change and its value: calls, and how many of them were scored
-- on the task's rung of evidence in $evidences, with the sum of the scores.
with asked as (
    select unnest($tasks) as task, unnest($evidences) as evidence, unnest($series) as series
),
scored as (
    select v.span_id, any_value(v.value) as value, nullif(any_value(v.scorer), '') as scorer
    from answer_scores as v
    join asked as q on q.task = v.task and q.evidence = v.evidence and q.series = v.series
    where v.name = 'quality' and v.started_at >= $since and v.started_at < $until
    group by v.span_id
),
answers as (
    select
        s.task,
        cast(s.started_at as date) as day,
        s.stratum,
        c.request_model,
        c.response_model,
        c.system_fingerprint,
        p.prompt_version,
        c.tools_hash,
        c.schema_hash,
        c.temperature,
        c.top_p,
        c.max_tokens,
        c.reasoning_level,
        nullif(concat_ws(' ', c.service_name, c.service_version), coalesce(c.service_name, '')) as service_version,
        v.scorer,
        count(*) as calls,
        count(v.value) as scored,
        sum(v.value) as total
    from calls as c
    join call_strata as s on s.span_id = c.span_id
    left join prompts as p on p.task_name = s.task and p.prompt_hash = c.prompt_hash
    left join scored as v on v.span_id = c.span_id
    where
        s.task in (select task from asked)
        and c.started_at >= $since
        and c.started_at < $until
        and s.started_at >= $since
        and s.started_at < $until
        and not coalesce(c.is_repeated, false)
        and is_answer(c.operation_name)
        and c.status = 'ok'
        and c.usage_source is distinct from 'none'
    group by all
),
told as (
    select
        task,
        day,
        calls,
        scored,
        total,
        unnest([
            {'kind': 'prompt_version', 'value': prompt_version},
            {'kind': 'response_model', 'value': response_model},
            {'kind': 'request_model', 'value': request_model},
            {'kind': 'system_fingerprint', 'value': system_fingerprint},
            {'kind': 'tools', 'value': coalesce(tools_hash, 'none')},
            {'kind': 'schema', 'value': coalesce(schema_hash, 'none')},
            {'kind': 'temperature', 'value': coalesce(cast(temperature as varchar), 'not set')},
            {'kind': 'top_p', 'value': coalesce(cast(top_p as varchar), 'not set')},
            {'kind': 'max_tokens', 'value': coalesce(cast(max_tokens as varchar), 'not set')},
            {'kind': 'reasoning_level', 'value': coalesce(reasoning_level, 'not set')},
            {'kind': 'inputs', 'value': stratum},
            {'kind': 'scorer', 'value': scorer},
            {'kind': 'service_version', 'value': service_version}
        ]) as thing
    from answers
)
select
    task,
    thing.kind as kind,
    thing.value as value,
    day,
    cast(sum(calls) as bigint) as calls,
    cast(sum(scored) as bigint) as scored,
    round(coalesce(sum(total), 0), 9) as total
from told
where thing.value is not null
group by all
order by all
