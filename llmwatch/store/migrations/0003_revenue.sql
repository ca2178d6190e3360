-- Money earned, given back or credited, and outcomes reached. The record of an event_id that was recorded last counts.
create table revenue (
    event_id varchar not null,
    occurred_at timestamp not null,
    recorded_at timestamp not null,
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

-- What the settings say that customers pay, for each calendar day, week, month or year from starts_at to ends_at.
create table subscriptions (
    customer_id varchar not null,
    plan varchar not null,
    amount_usd decimal(18, 9) not null,
    per varchar not null,
    starts_at timestamp not null,
    ends_at timestamp
);

-- What the settings say that is paid for all calls together, storage say, and by what it is divided among them.
create table shared_costs (
    name varchar not null,
    cost_usd decimal(18, 9) not null,
    per varchar not null,
    divided_by varchar not null,
    starts_at timestamp not null,
    ends_at timestamp
);
