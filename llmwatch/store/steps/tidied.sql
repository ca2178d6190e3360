-- The calls of this batch, each once: without lines that are no call, without spans that are stored already.
-- Exactly-once comes from the segment offsets; this catches a span that a host wrote twice.
create or replace temp table arrived as
select
    * exclude (started_us, ended_us),
    make_timestamp(started_us) as started_at,
    make_timestamp(if(ended_us between started_us and 4102444800000000, ended_us, started_us)) as ended_at,
    if(ended_us >= started_us, (ended_us - started_us) / 1000.0, null) as latency_ms,
    cast(null as timestamp) as usage_read_at
from {lines}
where span_id is not null and started_us between 0 and 4102444800000000;
