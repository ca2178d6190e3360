-- What stands on another row than the call that it belongs to: answers read by their id, batches, lines of their output.
alter table calls add column image_tool_model varchar;

alter table calls add column batch_file varchar;

alter table calls add column image_tool_calls bigint;

alter table calls add column image_tool_input_tokens bigint;

alter table calls add column image_tool_image_input_tokens bigint;

alter table calls add column image_tool_cached_input_tokens bigint;

alter table calls add column image_tool_cached_image_input_tokens bigint;

alter table calls add column image_tool_output_tokens bigint;

alter table calls add column image_tool_text_output_tokens bigint;

alter table calls add column batch_requests bigint;

alter table calls add column is_unsent boolean;

alter table calls add column batch_files varchar[];

-- How many requests the row stands for: 1, those of a batch, 0 where another row stands for them or nothing is billable.
alter table calls add column requests bigint default 1;

-- When the usage of this row was read, where a later reading of the answer brought it.
alter table calls add column usage_read_at timestamp;

update calls
set requests = 0
where
    coalesce(is_repeated, false)
    or (usage_source is not distinct from 'none' and operation_name is distinct from 'moderation');

-- Answers that were read before this schema are settled by the next merge.
insert or replace into meta
select 'settle_all', 'true'
where exists (select 1 from calls where starts_with(operation_name, 'fetch_'));
