-- What a server says a call cost and where it said so; what was assumed of usage whose counts do not agree with their
-- total, and why usage that contradicts itself has no cost.
alter table calls add column stated_cost_usd decimal(18, 12);
alter table calls add column stated_cost_source varchar;
alter table calls add column usage_doubt varchar;
alter table calls add column usage_conflict varchar;
-- The containers whose 20-minute session begins with this call, how many, and the memory limit that they were made with.
alter table calls add column container_starts varchar[];
alter table calls add column container_sessions bigint;
alter table calls add column container_memory varchar;
-- The part of a cost that nobody has split by kind of token: all of it where the server's statement is the cost.
alter table calls add column unsplit_cost_usd decimal(18, 12);
