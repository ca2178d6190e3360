-- The prompt versions that had been seen by the moment, numbered in the order first seen, under the names of then.
-- {calls} are calls with task_name_then beside the name of today.
create temp table prompt_uses as
select
    c.task_name_then as task_name,
    p.prompt_version,
    c.prompt_hash,
    any_value(c.task_name) as task_name_today,
    min(c.started_at) as first_seen_at,
    max(c.started_at) as last_seen_at,
    count(*) as calls
from {calls} as c
join prompts as p on c.task_name = p.task_name and c.prompt_hash = p.prompt_hash
group by all;

create temp table prompts_of_then as select distinct task_name, prompt_hash, prompt_version from prompt_uses;

create temp table prompt_versions_of_then as
select
    u.task_name,
    u.prompt_version,
    row_number() over (partition by u.task_name order by min(u.first_seen_at), u.prompt_version) as number,
    min(u.first_seen_at) as first_seen_at,
    max(u.last_seen_at) as last_seen_at,
    cast(sum(u.calls) as bigint) as calls,
    any_value(v.text) as text
from prompt_uses as u
left join prompt_versions as v on v.task_name = u.task_name_today and v.prompt_version = u.prompt_version
group by u.task_name, u.prompt_version;

alter table temp.prompts_of_then rename to prompts;

alter table temp.prompt_versions_of_then rename to prompt_versions;
