insert into {into}revenue by name
select
    * exclude (occurred_us, recorded_us, recognised_from_us, recognised_until_us, amount_usd),
    make_timestamp(occurred_us) as occurred_at,
    make_timestamp(if(recorded_us between 0 and 4102444800000000, recorded_us, occurred_us)) as recorded_at,
    try_cast(amount_usd as decimal(18, 9)) as amount_usd,
    make_timestamp(if(recognised_from_us between 0 and 4102444800000000, recognised_from_us, null)) as recognised_from,
    make_timestamp(if(recognised_until_us between 0 and 4102444800000000, recognised_until_us, null)) as recognised_until
from {lines}
where event_id is not null and occurred_us between 0 and 4102444800000000;
