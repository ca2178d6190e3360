-- The incoming calls, each with what its price depends on. Empty text stands for not reported.
-- The tier that was asked for counts only where the answer names none.
create or replace temp view incoming_keyed as
select
    *,
    coalesce(provider_name, '') as key_provider_name,
    coalesce(nullif(response_model, ''), request_model, '') as key_model,
    coalesce(nullif(service_tier, ''), if(request_service_tier = 'auto', '', request_service_tier), '')
        as key_service_tier,
    lower(coalesce(server_address, '')) as key_server_address,
    cast(started_at as date) as key_started_on,
    coalesce(is_batch, false) as key_is_batch,
    if(
        lower(coalesce(nullif(response_model, ''), request_model)) in (select model from timed_models),
        cast(hour(started_at) * 2 + minute(started_at) // 30 as integer),
        -1
    ) as key_half_hour,
    if(endpoint like '%/decisions%', 'decisions', '') as key_api
from incoming;
