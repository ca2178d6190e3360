-- The stored calls that have become other ones, as they are now.
delete from {into}calls where span_id in (select span_id from changed);

insert into {into}calls by name
select
    a.* exclude (
        price_id, input_cost_usd, cached_input_cost_usd, cache_write_cost_usd, output_cost_usd, tool_cost_usd, cost_usd,
        list_cost_usd, unsplit_cost_usd, cache_saving_usd, cost_grade, cost_note, unpriced_reason, price_table
    ),
    c.* exclude (span_id, is_usage_inconsistent),
    cast(getvariable('price_table') as varchar) as price_table
from changed as a
join call_costs as c on a.span_id = c.span_id;
