-- Which row bills each of the asked answers: the call that made it, else the first reading of it. That row carries the
-- usage of the latest reading of the finished answer; the other readings carry none. `arrived` is changed in place,
-- temp table `changed` has the stored calls that become other ones, as they are then.
create or replace temp table settlements as
with
every as (
    select span_id, response_id, started_at, starts_with(operation_name, 'fetch_') as is_read, usage_source,
        cast(null as timestamp) as usage_read_at, true as has_arrived
    from arrived
    where response_id in (select response_id from asked_answers)
    union all
    select span_id, response_id, started_at, starts_with(operation_name, 'fetch_'), usage_source, usage_read_at, false
    from calls
    where response_id in (select response_id from asked_answers)
),
owners as (
    -- of several calls with one id, one that did not report its usage itself
    select
        response_id,
        arg_min(
            span_id,
            (is_read, usage_source is not distinct from 'response' and usage_read_at is null, started_at, span_id)
        ) as owner_id
    from every
    group by response_id
),
readings as (
    select
        e.response_id,
        arg_max(e.span_id, (coalesce(e.usage_read_at, e.started_at), e.span_id)) as reading_id,
        max(coalesce(e.usage_read_at, e.started_at)) as read_at
    from every as e
    join owners as o using (response_id)
    where e.usage_source = 'response' and (e.is_read or e.span_id = o.owner_id)
    group by e.response_id
)
select e.*, e.span_id = o.owner_id as is_owner, r.reading_id, r.read_at
from every as e
join owners as o using (response_id)
left join readings as r using (response_id);

create or replace temp table settled_usage as
with moved as (
    select span_id, reading_id, read_at from settlements where is_owner and reading_id <> span_id
)
select m.span_id, m.read_at, r.status, r.error_type, {usage}
from moved as m
join (
    select span_id, status, error_type, {usage} from arrived
    union all
    select span_id, status, error_type, {usage} from calls
    where span_id in (select reading_id from moved)
) as r on m.reading_id = r.span_id;

-- The batch and the lines of its output file: the lines stand for it. Those of its error file alone do not.
create or replace temp table batch_lines as
with
batches as (
    select a.span_id, a.started_at, coalesce(s.batch_files, a.batch_files) as batch_files, true as has_arrived
    from arrived as a
    left join settled_usage as s on a.span_id = s.span_id
    where a.span_id in (select span_id from settlements where is_owner)
    union all
    select c.span_id, c.started_at, coalesce(s.batch_files, c.batch_files), false
    from calls as c
    left join settled_usage as s on c.span_id = s.span_id
    where c.span_id in (select span_id from settlements where is_owner)
),
files as (
    select span_id as owner_id, started_at, has_arrived, unnest(batch_files) as file, unnest([true, false]) as is_output
    from batches
    where len(batch_files) = 2
),
lines as (
    select span_id, batch_file, started_at, true as is_new, input_tokens, output_tokens, cached_input_tokens
    from arrived
    where batch_file is not null
    union all
    select span_id, batch_file, started_at, false, input_tokens, output_tokens, cached_input_tokens
    from calls
    where batch_file is not null and batch_file in (select file from files)
)
select l.* exclude (batch_file, started_at), f.owner_id, f.started_at, f.is_output, l.started_at <> f.started_at as is_apart
from lines as l
join files as f on l.batch_file = f.file
where f.file <> '';

create or replace temp table replaced_batches as
select owner_id, count(*) as lines, coalesce(sum(input_tokens), 0) as input_tokens,
    coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cached_input_tokens), 0) as cached_tokens
from batch_lines
group by owner_id
having bool_or(is_output);

-- Found by few columns first: one condition of many parts would read all columns of all calls.
create or replace temp table changing_spans as
select span_id from settlements
where not has_arrived and (
    span_id in (select span_id from settled_usage)
    or (is_read and not is_owner and usage_source <> 'repeated')
    or span_id in (select owner_id from replaced_batches)
)
union
select span_id from batch_lines where is_apart and not is_new;

create or replace temp table changed as
select *
from calls
where span_id in (select span_id from changing_spans);

update arrived
set
    usage_source = 'response',
    usage_read_at = s.read_at,
    -- an answer that was left and read to its end later was received
    stream_end = if(arrived.status = 'incomplete' and s.status = 'ok', 'complete', arrived.stream_end),
    status = case
        when arrived.status = 'ok' and s.status = 'error' then 'error'
        when arrived.status = 'incomplete' and s.status = 'ok' then 'ok'
        else arrived.status
    end,
    error_type = coalesce(arrived.error_type, s.error_type),
    {usage_of_s}
from settled_usage as s
where arrived.span_id = s.span_id;

update changed
set
    usage_source = 'response',
    usage_read_at = s.read_at,
    estimated_input_tokens = null,
    estimated_output_tokens = null,
    estimate_error = null,
    -- an answer that was left and read to its end later was received
    stream_end = if(changed.status = 'incomplete' and s.status = 'ok', 'complete', changed.stream_end),
    status = case
        when changed.status = 'ok' and s.status = 'error' then 'error'
        when changed.status = 'incomplete' and s.status = 'ok' then 'ok'
        else changed.status
    end,
    error_type = coalesce(changed.error_type, s.error_type),
    {usage_of_s}
from settled_usage as s
where changed.span_id = s.span_id;

-- Readings of an answer that another row bills carry no usage; what they said of it stays in usage_raw.
update arrived
set usage_source = 'repeated', {no_counts}
where span_id in (select span_id from settlements where is_read and not is_owner);

update changed
set usage_source = 'repeated', {no_counts}
where span_id in (select span_id from settlements where is_read and not is_owner);

update arrived
set usage_source = 'repeated', {no_counts}
where usage_source = 'repeated';

-- A batch whose lines were read stands for what is in no line: the requests of its error file, and all that was not read
-- or not written of its output. What it said of its usage is in usage_raw.
update arrived
set usage_source = if(coalesce(batch_requests, 0) > b.lines, 'response', 'repeated'), {no_counts}
from replaced_batches as b
where arrived.span_id = b.owner_id;

update arrived
set
    input_tokens = greatest(coalesce(cast(usage_raw->>'$.input_tokens' as bigint), 0) - b.input_tokens, 0),
    output_tokens = greatest(coalesce(cast(usage_raw->>'$.output_tokens' as bigint), 0) - b.output_tokens, 0),
    cached_input_tokens = greatest(
        coalesce(cast(usage_raw->>'$.input_tokens_details.cached_tokens' as bigint), 0) - b.cached_tokens, 0
    )
from replaced_batches as b
where arrived.span_id = b.owner_id and arrived.usage_source = 'response';

update changed
set usage_source = if(coalesce(batch_requests, 0) > b.lines, 'response', 'repeated'), {no_counts}
from replaced_batches as b
where changed.span_id = b.owner_id;

update changed
set
    input_tokens = greatest(coalesce(cast(usage_raw->>'$.input_tokens' as bigint), 0) - b.input_tokens, 0),
    output_tokens = greatest(coalesce(cast(usage_raw->>'$.output_tokens' as bigint), 0) - b.output_tokens, 0),
    cached_input_tokens = greatest(
        coalesce(cast(usage_raw->>'$.input_tokens_details.cached_tokens' as bigint), 0) - b.cached_tokens, 0
    )
from replaced_batches as b
where changed.span_id = b.owner_id and changed.usage_source = 'response';

-- A line was asked for when its batch was.
update arrived set started_at = l.started_at from batch_lines as l where arrived.span_id = l.span_id and l.is_new;

update changed set started_at = l.started_at from batch_lines as l where changed.span_id = l.span_id and not l.is_new;
