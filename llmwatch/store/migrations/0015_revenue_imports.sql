-- Imports of revenue from files, each with what it said, so that one can be taken back and what it replaced stands again.
create table revenue_imports (
    import_id varchar not null,
    source varchar not null,
    imported_at timestamp not null,
    "rows" bigint not null,
    amount_usd decimal(18, 9),
    undone_at timestamp
);

-- The import that stated the row; null for what code says.
alter table revenue add column import_id varchar;

alter table revenue_withdrawn add column import_id varchar;

-- The import that took the row's place, or does not say it any more.
alter table revenue_withdrawn add column withdrawn_by varchar;
