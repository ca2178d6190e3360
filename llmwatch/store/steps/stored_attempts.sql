insert into {into}http_attempts by name
select
    * exclude (started_us, ended_us),
    make_timestamp(started_us) as started_at,
    make_timestamp(if(ended_us between started_us and 4102444800000000, ended_us, started_us)) as ended_at
from {lines}
where span_id is not null and started_us between 0 and 4102444800000000;
