-- When what is said beside calls was said and taken back, so that a past moment can be asked what was known then.
alter table task_edits add column undone_at timestamp;

alter table drift_acknowledgements add column undone_at timestamp;

-- The task's name when it was said; task_name is what that task is called today, where it is one.
alter table drift_acknowledgements add column said_of varchar;

alter table drift_alarms add column said_of varchar;

-- When a score whose moment is stated was taken in; null is at that moment.
alter table scores add column recorded_at timestamp;

-- Revenue that its source does not state any more, or states otherwise.
create table revenue_withdrawn as from revenue limit 0;

alter table revenue_withdrawn add column withdrawn_at timestamp;

-- The names that untagged calls had until newly read prompts gave them others.
create table task_moves (
    span_id varchar not null,
    moved_at timestamp not null,
    task_origin varchar
);
