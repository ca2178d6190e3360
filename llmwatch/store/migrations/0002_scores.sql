-- What people, references, users and judges say of answers; append-only, the latest record of a score_id counts.
create table scores (
    score_id varchar not null,
    scored_at timestamp not null,
    span_id varchar,
    trace_id varchar,
    response_id varchar,
    task varchar,
    name varchar,
    value double,
    label varchar,
    evidence varchar,
    scorer varchar,
    rubric_hash varchar,
    probability double,
    false_facts bigint,
    comment varchar,
    source varchar,
    is_deleted boolean,
    -- only of two answers compared, whose name is 'pair' and whose value is null
    replay_id varchar,
    difference double
);
