insert into {into}scores by name
select
    * exclude (scored_us, recorded_us),
    make_timestamp(scored_us) as scored_at,
    make_timestamp(if(recorded_us between 0 and 4102444800000000, recorded_us, null)) as recorded_at
from {lines}
where score_id is not null and scored_us between 0 and 4102444800000000;
