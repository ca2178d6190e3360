-- The prices of the catalogue of models at OpenAI's own host, worked out once per list of prices: `price` is the row as
-- JSON. Which list and which days they are of is in meta, catalogue_digest, catalogue_since and catalogue_until.
create table catalogue_prices (
    model varchar not null,
    service_tier varchar not null,
    is_batch boolean not null,
    price varchar not null
);
