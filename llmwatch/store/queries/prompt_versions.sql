-- One row per task and version of its static prompt, in order; number 1 is the first, a null text was not kept.
select
    task_name as task,
    prompt_version,
    number,
    first_seen_at,
    last_seen_at,
    calls,
    text
from prompt_versions
order by task_name, number
