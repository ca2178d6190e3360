-- (amount_usd, per, starts_at, ends_at, since, until): nano-dollars of a stream of money recognised in [since, until).
-- A stream that is over before the window, or begins after it, is 0 without the arithmetic: that is most of a year's.
if(
    starts_at >= until or coalesce(ends_at <= since, false) or (per = 'once' and starts_at < since),
    cast(0 as hugeint),
    accrued_nano(amount_usd, per, starts_at, ends_at, until) - accrued_nano(amount_usd, per, starts_at, ends_at, since)
)
