-- Reads of an answer (GET) whose usage another row bills: the call that created it, else the first read of it.
create or replace temp table read_again as
with billed as (
    select span_id, response_id, started_at, operation_name like 'fetch\_%' escape '\' as is_fetch
    from arrived
    where usage_source = 'response' and response_id is not null
),
fetched as (
    select span_id, response_id from billed
    where is_fetch
    qualify row_number() over (partition by response_id order by started_at, span_id) > 1
    union
    select f.span_id, f.response_id
    from billed as f
    semi join (select response_id from billed where not is_fetch) as b on f.response_id = b.response_id
    where f.is_fetch
    union
    select f.span_id, f.response_id
    from billed as f
    semi join (select response_id from calls where usage_source = 'response' and response_id is not null) as b
        on f.response_id = b.response_id
    where f.is_fetch
)
select distinct span_id from fetched;

-- Reads that were merged, and billed, before the call that created the answer: now that call bills.
create or replace temp table billed_by_read as
select c.span_id
from calls as c
semi join (
    select response_id
    from arrived
    where usage_source = 'response' and response_id is not null and operation_name not like 'fetch\_%' escape '\'
) as a on c.response_id = a.response_id
where c.usage_source = 'response' and c.operation_name like 'fetch\_%' escape '\';
