-- Every answer that was read by its id.
create or replace temp table asked_answers as
select distinct response_id
from calls
where response_id is not null and starts_with(operation_name, 'fetch_');
