-- Which containers each arrived call begins a session of. A container is billed per 20 minutes from its first use, to
-- the call that is the first in them; calls after it in the same session add nothing, in whichever batch they arrive.
create or replace temp table containers as
with used as (
    select a.span_id, a.started_at, unnest(a.container_ids) as container, a.container_memory, true as is_new
    from (
        select span_id, started_at, container_ids, container_memory, usage_source from arrived
        union all
        select span_id, started_at, container_ids, container_memory, usage_source from changed
    ) as a
    where coalesce(a.usage_source, '') not in ('repeated', 'none', 'pending')
    union all
    select c.span_id, c.started_at, unnest(c.container_starts), c.container_memory, false
    from calls as c
    anti join changed as b on c.span_id = b.span_id
    where
        c.container_sessions > 0
        and c.started_at >= (select min(started_at) - interval 1 day from (select started_at, container_ids from arrived union all select started_at, container_ids from changed) where container_ids is not null)
        and c.started_at <= (select max(started_at) + interval 1 day from (select started_at, container_ids from arrived union all select started_at, container_ids from changed) where container_ids is not null)
),
aged as (
    select
        *,
        coalesce(
            min(started_at) filter (where not is_new) over (partition by container),
            min(started_at) over (partition by container)
        ) as first_used_at,
        -- the call that created the container says its size, those that use it again do not
        coalesce(container_memory, max(container_memory) over (partition by container)) as memory
    from used
),
numbered as (
    select
        *,
        -- a call that arrives after a later one of the same 20 minutes belongs to the session that is charged there
        greatest(
            floor(epoch(started_at - first_used_at) / 1200),
            if(started_at > first_used_at - interval 20 minute, 0, -1e9)
        ) as session
    from aged
),
first_of_session as (
    select * from numbered
    qualify row_number() over (partition by container, session order by is_new, started_at, span_id) = 1
)
select span_id, list(container order by container) as container_starts, max(memory) as memory
from first_of_session
where is_new
group by span_id;

update changed
set container_starts = n.container_starts, container_sessions = n.sessions, container_memory = coalesce(n.memory, changed.container_memory)
from (
    select c.span_id, t.container_starts, t.memory,
        if(c.container_ids is null, null, coalesce(len(t.container_starts), 0)) as sessions
    from changed as c
    left join containers as t on c.span_id = t.span_id
) as n
where changed.span_id = n.span_id;
