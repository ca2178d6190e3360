-- What a call costs at list price, which is cost_usd where no contract holds; null where the list has no price for it, and
-- of calls priced before this column until they are priced again.
alter table calls add column list_cost_usd decimal(18, 12);

alter table call_versions add column list_cost_usd decimal(18, 12);
