-- The calls whose prompts a refit reads: the newest of each bucket with enough unread ones, buckets with most unread
-- first, as long as there is room. A prompt that is too long follows the others of its key.
create or replace temp table refit_calls as
with due as (
    select bucket, unread_contents
    from task_refits
    where unread_contents >= greatest($least, $growth * read_contents)
),
-- the texts themselves stay out of joins, which would hold all of them
sizes as materialized (
    select span_id, coalesce(strlen(input_messages), 0) + coalesce(strlen(system_instructions), 0) as characters
    from content
),
kept as (
    select
        c.span_id, c.started_at, c.call_site, c.tool_names, c.response_format, c.task_key, c.prompt_hash,
        c.operation_name,
        bucket_of(c.call_site, c.response_format) as bucket,
        coalesce(c.task_origin, c.task_name) as given_name,
        x.characters
    from sizes as x
    join calls as c on x.span_id = c.span_id
    where c.task is null and c.task_key is not null and not list_contains($pinned, c.task_name)
),
newest as (
    select k.*, d.unread_contents
    from kept as k
    join due as d on k.bucket = d.bucket
    where k.characters between 1 and $longest
    qualify row_number() over (partition by k.bucket order by k.started_at desc, k.span_id) <= $per_bucket
)
select *
from newest
qualify
    sum(characters) over (order by unread_contents desc, bucket, span_id) <= $characters
    and row_number() over (order by unread_contents desc, bucket, span_id) <= $per_refit;
