-- Money earned, given back or credited, and outcomes reached; append-only, the latest record of an event_id counts.
create table revenue (
    event_id varchar not null,
    occurred_at timestamp not null,
    kind varchar,
    amount_usd decimal(18, 9),
    customer_id varchar,
    plan varchar,
    task varchar,
    feature varchar,
    span_id varchar,
    trace_id varchar,
    response_id varchar,
    outcome varchar,
    is_success boolean,
    recognised_from timestamp,
    recognised_until timestamp,
    source varchar,
    note varchar
);
