-- Calls whose cost is another one at the prices of today; `incoming` and `call_costs` hold a part of all calls.
update calls
set
    price_id = n.price_id,
    input_cost_usd = n.input_cost_usd,
    cached_input_cost_usd = n.cached_input_cost_usd,
    cache_write_cost_usd = n.cache_write_cost_usd,
    output_cost_usd = n.output_cost_usd,
    tool_cost_usd = n.tool_cost_usd,
    unsplit_cost_usd = n.unsplit_cost_usd,
    cost_usd = n.cost_usd,
    list_cost_usd = n.list_cost_usd,
    cache_saving_usd = n.cache_saving_usd,
    cost_grade = n.cost_grade,
    cost_note = n.cost_note,
    unpriced_reason = n.unpriced_reason
from call_costs as n
where
    calls.span_id = n.span_id
    and (
        calls.cost_usd is distinct from n.cost_usd
        or calls.list_cost_usd is distinct from n.list_cost_usd
        or calls.price_id is distinct from n.price_id
        or calls.cost_grade is distinct from n.cost_grade
        or calls.cost_note is distinct from n.cost_note
        or calls.unpriced_reason is distinct from n.unpriced_reason
    );
