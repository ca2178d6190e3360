-- (amount_usd, per, starts_at, ends_at, since, until): nano-dollars of a stream of money recognised in [since, until),
-- accrued_nano at `until` less at `since`: written out, what both have in common is neither planned nor computed.
-- A stream that is over before the window, or begins after it, is 0 without the arithmetic: that is most of a year's.
case
    when starts_at >= until or coalesce(ends_at <= since, false) or (per = 'once' and starts_at < since) then cast(0 as hugeint)
    when per = 'once' then nano(amount_usd)
    when per = 'span' then
        nano(amount_usd) * epoch_us(least(greatest(until, starts_at), ends_at) - starts_at) // epoch_us(ends_at - starts_at)
        - nano(amount_usd) * epoch_us(least(greatest(since, starts_at), ends_at) - starts_at) // epoch_us(ends_at - starts_at)
    else
        calendar_nano(amount_usd, per, greatest(least(until, coalesce(ends_at, until)), starts_at))
        - calendar_nano(amount_usd, per, greatest(least(since, coalesce(ends_at, since)), starts_at))
end
