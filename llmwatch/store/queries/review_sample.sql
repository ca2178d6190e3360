-- One row per answer of the review's sample of each week: `rate` of the answers whose content was kept, `floor` a task.
-- Drawn by a keyed hash of the span, the same whoever asks. An answer whose content was kept with a small chance is
-- drawn with a large one, so that all answers of a task and week have the same chance as far as they can.
-- `probability` is the chance of both. Reference: E. Ohlsson, Sequential Poisson sampling, J. Off. Stat. 14 (1998).
with kept as (
    select
        c.span_id,
        c.task,
        c.started_at,
        c.stratum,
        cast(date_trunc('week', c.started_at) as date) as week,
        coalesce(c.sample_probability, 1) as chance,
        md5_number_lower($key || c.span_id) / 18446744073709551616.0 as drawn
    from call_strata as c
    join answers_kept as k on k.span_id = c.span_id
    where c.started_at >= $since and c.started_at < $until and ($task is null or c.task = $task)
    qualify row_number() over (partition by c.span_id order by c.started_at) = 1
),
ranked as (
    select
        *,
        least(count(*) over weekly, greatest($floor, ceil($rate * count(*) over weekly))) as size,
        sum(1 / chance) over weekly as answers,
        row_number() over (partition by task, week order by drawn * chance, span_id) as place
    from kept
    window weekly as (partition by task, week)
)
select
    r.span_id,
    r.task,
    r.started_at,
    r.week,
    r.stratum,
    chance * least(1, size / chance / answers) as probability,
    'sample' as reason,
    s.span_id is not null as is_done
from ranked as r
left join (select distinct span_id from scores_current where evidence = 'review' and name = 'quality') as s
    on s.span_id = r.span_id
where place <= size
order by r.task, r.week, r.place
