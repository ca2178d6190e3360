-- The name that an untagged call was given by discovery; task_name is that name, or the tag, after the users' edits.
alter table calls add column task_origin varchar;

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

-- Which version the static text with this digest is; a digest that is not listed is of no known version.
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

-- What a task is called since users renamed or merged it: given_name is a tag or a discovered name.
create table task_renames (
    given_name varchar primary key,
    task_name varchar not null
);

-- What reading sampled prompts found: the task of a key and static text; an empty prompt_hash stands for all others.
create table task_members (
    task_key varchar not null,
    prompt_hash varchar not null,
    task_name varchar not null,
    bucket varchar not null,
    primary key (task_key, prompt_hash)
);

-- Per bucket of untagged calls: contents that no refit has read, and what the last refit took.
create table task_refits (
    bucket varchar primary key,
    unread_contents bigint not null,
    read_contents bigint not null,
    refitted_at timestamp
);
