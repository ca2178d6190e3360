-- One row per import of revenue that stands, the newest first: what it said, and whether it is the last of its source.
select
    import_id,
    source,
    imported_at,
    "rows",
    amount_usd,
    imported_at = max(imported_at) over (partition by source) as is_last
from revenue_imports
where undone_at is null
order by imported_at desc, import_id desc
