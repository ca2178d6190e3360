-- One row per answer whose input and output are kept, so that somebody can read and score it.
select distinct c.span_id
from content as k
join calls as c on c.span_id = k.span_id
where
    k.output_messages is not null
    and k.input_messages is not null
    and c.status = 'ok'
    and not coalesce(c.is_repeated, false)
    and is_answer(c.operation_name)
