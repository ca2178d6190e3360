insert into {into}scores by name
select * exclude (scored_us), make_timestamp(scored_us) as scored_at
from {lines}
where score_id is not null and scored_us between 0 and 4102444800000000;
