-- One row per model, host, tier and kind of processing: the price that the newest call of it was charged at.
select
    c.provider_name,
    coalesce(nullif(c.response_model, ''), c.request_model) as model,
    c.server_address as host,
    c.service_tier,
    coalesce(c.is_batch, false) as is_batch,
    p.* exclude (provider, model, service_tier, is_batch)
from (
    select
        provider_name, response_model, request_model, server_address, service_tier, is_batch,
        arg_max(price_id, started_at) as price_id
    from calls
    where price_id is not null
    group by all
) as c
join prices as p on c.price_id = p.price_id
order by model, host, c.service_tier
