-- (amount_usd): whole nano-dollars.
cast(cast(amount_usd as decimal(38, 9)) * 1000000000 as hugeint)
