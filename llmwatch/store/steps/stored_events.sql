insert into {into}pipeline_events by name
select event_id, make_timestamp(occurred_us) as happened_at, kind, "count", detail, process_pid
from {lines}
where kind is not null and occurred_us between 0 and 4102444800000000;
