-- The digests of each task's static texts, the newest of them, with the version they were of before.
create or replace temp table static_texts as
with seen as (
    select
        task_name,
        prompt_hash,
        count(*) as calls,
        min(started_at) as first_seen_at,
        max(started_at) as last_seen_at
    from calls
    where prompt_hash is not null and task_name is not null
    group by task_name, prompt_hash
    qualify row_number() over (partition by task_name order by count(*) >= 20 desc, max(started_at) desc, prompt_hash)
        <= $texts
),
before as (
    select task_name, prompt_hash, any_value(prompt_version) as prompt_version
    from prompts
    group by task_name, prompt_hash
),
-- the task may have had another name
elsewhere as (select prompt_hash, min(prompt_version) as prompt_version from prompts group by prompt_hash)
select s.*, coalesce(b.prompt_version, e.prompt_version) as prompt_version
from seen as s
left join before as b on s.task_name = b.task_name and s.prompt_hash = b.prompt_hash
left join elsewhere as e on s.prompt_hash = e.prompt_hash;
