insert into {into}replays by name
select
    * exclude (recorded_us, cost_usd, reserved_usd),
    make_timestamp(recorded_us) as recorded_at,
    try_cast(cost_usd as decimal(18, 12)) as cost_usd,
    try_cast(reserved_usd as decimal(18, 12)) as reserved_usd
from {lines}
where replay_id is not null and state is not null and recorded_us between 0 and 4102444800000000;
