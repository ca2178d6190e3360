-- Estimates for calls that should have reported usage and did not, calibrated on calls that reported theirs: of the
-- same model and task, else of the same model, else the plain rule of four characters or one stream event a token.
create or replace temp table estimable as
select
    a.span_id,
    coalesce(a.response_model, a.request_model) as model,
    d.task_name,
    a.operation_name,
    a.input_characters,
    coalesce(a.delta_count, 0) as delta_count,
    a.output_characters,
    coalesce(a.media_count, 0) > 0 as has_media
from arrived as a
join derived as d using (span_id)
where
    d.usage_source = 'absent'
    and a.operation_name in ('chat', 'text_completion', 'embeddings')
    and a.input_characters is not null
    -- an error without any output was not answered; whether it was billed is for its price to say
    and (a.status is distinct from 'error' or a.delta_count > 0);

create or replace temp table known as
with reported as (
    select
        coalesce(response_model, request_model) as model, task_name, operation_name, input_tokens, output_tokens,
        input_characters, coalesce(delta_count, 0) as delta_count, coalesce(output_characters, 0) as output_characters
    from calls
    where
        usage_source = 'response' and status = 'ok' and input_characters > 0
        and started_at >= (select min(started_at) - interval 30 day from arrived)
    union all
    select
        coalesce(a.response_model, a.request_model), d.task_name, a.operation_name, a.input_tokens, a.output_tokens,
        a.input_characters, coalesce(a.delta_count, 0), coalesce(a.output_characters, 0)
    from arrived as a
    join derived as d using (span_id)
    where d.usage_source = 'response' and a.status = 'ok' and a.input_characters > 0
)
select * from reported where input_tokens > 0 and model in (select model from estimable);

create or replace temp table calibrations as
with ratios as (
    select
        model,
        if(grouping(task_name) = 0, task_name, null) as task_name,
        count(*) as calls,
        sum(input_tokens) / sum(input_characters) as input_per_character,
        sum(output_tokens) filter (where delta_count > 0)
        / nullif(sum(delta_count) filter (where delta_count > 0), 0) as output_per_delta,
        sum(output_tokens) filter (where output_characters > 0)
        / nullif(sum(output_characters) filter (where output_characters > 0), 0) as output_per_character
    from known
    group by grouping sets ((model, task_name), (model))
    -- five calls: fewer say more about their own texts than about the next one
    having count(*) >= 5
    union all
    select null, null, (select count(*) from known), 0.25, 1.0, 0.25
),
filled as (
    select
        * replace (coalesce(output_per_delta, 1.0) as output_per_delta, coalesce(output_per_character, 0.25) as output_per_character)
    from ratios
)
select
    any_value(f.model) as model,
    any_value(f.task_name) as task_name,
    any_value(f.input_per_character) as input_per_character,
    any_value(f.output_per_delta) as output_per_delta,
    any_value(f.output_per_character) as output_per_character,
    -- weighted as most prices are: an output token costs about four input tokens
    sum(
        abs(k.input_characters * f.input_per_character - k.input_tokens)
        + 4 * abs(
            if(k.delta_count > 0, k.delta_count * f.output_per_delta, k.output_characters * f.output_per_character)
            - coalesce(k.output_tokens, 0)
        )
    ) / sum(k.input_tokens + 4 * coalesce(k.output_tokens, 0)) as estimate_error
from filled as f
left join known as k
    on (f.model is null or f.model = k.model) and (f.task_name is null or f.task_name = k.task_name)
group by f.model, f.task_name;

create or replace temp table estimates as
with chosen as (
    select
        e.*,
        coalesce(t.input_per_character, m.input_per_character, p.input_per_character) as input_per_character,
        coalesce(t.output_per_delta, m.output_per_delta, p.output_per_delta) as output_per_delta,
        coalesce(t.output_per_character, m.output_per_character, p.output_per_character) as output_per_character,
        coalesce(t.estimate_error, m.estimate_error, p.estimate_error) as estimate_error,
        t.model is not null as is_of_task
    from estimable as e
    left join calibrations as t on e.model = t.model and e.task_name = t.task_name
    left join calibrations as m on e.model = m.model and m.task_name is null
    cross join (select * from calibrations where model is null) as p
),
counted_up as (
    select
        span_id,
        has_media,
        is_of_task,
        estimate_error,
        cast(least(round(input_characters * input_per_character), 1e9) as bigint) as estimated_input_tokens,
        case
            when operation_name = 'embeddings' then 0
            when delta_count > 0 then cast(least(round(delta_count * output_per_delta), 1e9) as bigint)
            when output_characters is not null
                then cast(least(round(output_characters * output_per_character), 1e9) as bigint)
        end as estimated_output_tokens
    from chosen
)
select span_id, estimated_input_tokens, estimated_output_tokens, estimate_error
from counted_up
-- characters say nothing about images and sound, unless this task's calls are known to carry them
where estimated_output_tokens is not null and (is_of_task or not has_media);
