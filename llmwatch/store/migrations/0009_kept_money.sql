-- What an event of revenue or outcome that names a call found in the calls, so that nobody looks for it again: `calls` is how
-- many it found. A row holds until a call of that id arrives, or stored calls are renamed or deleted.
create table revenue_links (
    event_id varchar not null,
    id varchar not null,
    calls bigint not null,
    task varchar,
    customer varchar,
    feature varchar,
    model varchar,
    service varchar
);

-- The calls of each UTC day and customer, '' is none, for the days before the one that `costs_kept_until` in meta names.
create table customer_days (
    day timestamp not null,
    customer varchar not null,
    calls bigint not null,
    spend_usd decimal(38, 12),
    unpriced_calls bigint,
    tokens bigint
);
