-- One call with kept content for each static text of the tasks in `static_texts`.
create or replace temp table unread_texts as
select c.prompt_hash, min(c.span_id) as span_id
from content as x
join calls as c on x.span_id = c.span_id
where
    c.prompt_hash in (select prompt_hash from static_texts)
    and coalesce(strlen(x.input_messages), 0) + coalesce(strlen(x.system_instructions), 0) <= 4 * $longest
group by c.prompt_hash;
