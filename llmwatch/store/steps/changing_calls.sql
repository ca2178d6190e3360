-- The calls of `incoming` that cost something else by `call_costs` than is stored, each with why, and both costs.
create or replace temp table changing_calls as
select
    c.span_id,
    c.started_at,
    coalesce(c.response_model, c.request_model, '') as model,
    c.cost_usd as before_usd,
    n.cost_usd as after_usd,
    case
        when c.cost_usd is null and n.cost_usd is null then 'unpriced'
        when
            (old.provider is distinct from new.provider and (old.price_id is not null or list_contains($hosts, c.server_address)))
            then 'hosts'
        when c.price_id is not distinct from n.price_id then 'rule'
        when not starts_with(coalesce(old.source, new.source, ''), 'genai-prices')
            or not starts_with(coalesce(new.source, old.source, ''), 'genai-prices')
            or contains(coalesce(old.source, ''), ', less ')
            or contains(coalesce(new.source, ''), ', less ')
            then 'contract'
        else 'list'
    end as cause
from calls as c
join call_costs as n on c.span_id = n.span_id
left join prices as old on c.price_id = old.price_id
left join prices as new on n.price_id = new.price_id
where
    c.cost_usd is distinct from n.cost_usd
    or c.list_cost_usd is distinct from n.list_cost_usd
    or c.price_id is distinct from n.price_id
    or c.cost_grade is distinct from n.cost_grade
    or c.cost_note is distinct from n.cost_note
    or c.unpriced_reason is distinct from n.unpriced_reason;
