-- (amount_usd, per, starts_at, ends_at, moment): nano-dollars of a stream of money recognised before `moment`, whole.
-- Of a window it is the difference of its two ends, so that windows side by side add up exactly. `per` is once (at
-- starts_at), span (by the second from starts_at to ends_at) or a calendar unit, each of which is worth amount_usd,
-- however long it is. The zero of a calendar stream is 1970.
case per
    when 'once' then if(starts_at < moment, nano(amount_usd), cast(0 as hugeint))
    when 'span' then
        nano(amount_usd) * epoch_us(least(greatest(moment, starts_at), ends_at) - starts_at)
        // epoch_us(ends_at - starts_at)
    else
        calendar_nano(amount_usd, per, greatest(least(moment, coalesce(ends_at, moment)), starts_at))
        - calendar_nano(amount_usd, per, starts_at)
end
