-- (tokens): the length of an input in tokens, as a stratum names it; "?" is not known.
case
    when tokens < 1000 then '<1k'
    when tokens < 8000 then '1-8k'
    when tokens <= 50000 then '8-50k'
    when tokens > 50000 then '>50k'
    else '?'
end
