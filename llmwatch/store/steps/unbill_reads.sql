-- The usage of these rows is billed by the call that created the answer.
update calls
set
    usage_source = 'repeated',
    is_repeated = true,
    price_id = null,
    input_cost_usd = 0,
    cached_input_cost_usd = 0,
    cache_write_cost_usd = 0,
    output_cost_usd = 0,
    tool_cost_usd = 0,
    cost_usd = 0,
    list_cost_usd = 0,
    cache_saving_usd = 0,
    cost_grade = 'A',
    cost_note = 'counted on the call that created it',
    unpriced_reason = null
where span_id in (select span_id from billed_by_read);
