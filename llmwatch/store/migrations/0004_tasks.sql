-- Versions of a task's static prompt text, in the order in which they were first seen.
create table prompt_versions (
    task_name varchar not null,
    prompt_version varchar not null,
    -- 1 is the first
    number bigint not null,
    first_seen_at timestamp,
    last_seen_at timestamp,
    calls bigint,
    -- the static text with placeholders for what changes from call to call; null where no content was kept
    text varchar
);

-- Which version the static text with this digest is.
create table prompts (
    task_name varchar not null,
    prompt_hash varchar not null,
    prompt_version varchar not null
);

-- What users did to tasks, in order; undone edits stay and say so.
create table task_edits (
    edit_id varchar primary key,
    edited_at timestamp not null,
    action varchar not null,
    arguments varchar not null,
    is_undone boolean not null
);
