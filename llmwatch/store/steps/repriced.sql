-- The calls of `changing_calls` cost what `call_costs` says; those before them were kept by `versioned`.
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
    unpriced_reason = n.unpriced_reason,
    price_table = $price_table
from call_costs as n
where calls.span_id = n.span_id and n.span_id in (select span_id from changing_calls);
