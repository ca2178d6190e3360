-- The answers and batches of which this batch of calls brings a reading, or the call that made one that was read before.
create or replace temp table asked_answers as
with
arrived_ids as (
    select response_id, starts_with(operation_name, 'fetch_') as is_read, batch_file, batch_files
    from arrived
    where response_id is not null or batch_file is not null
),
files as (select distinct batch_file as file from arrived_ids where batch_file is not null)
select response_id from arrived_ids where is_read and response_id is not null
union
select c.response_id
from calls as c
semi join arrived_ids as a on c.response_id = a.response_id
where starts_with(c.operation_name, 'fetch_')
union
-- a batch whose lines have arrived, or whose lines were read before it was known
select response_id from arrived_ids where batch_files is not null and response_id is not null
union
select response_id
from calls
where
    batch_files is not null
    and exists (select 1 from files)
    and (batch_files[1] in (from files) or batch_files[2] in (from files))
    and response_id is not null;
