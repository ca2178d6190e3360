-- (input_language, tokens, tool_count, media_count): the stratum in which answers are compared with each other, of
-- language, length of the input in tokens, and whether tools or images were there; "?" is not known.
concat_ws(
    ' · ',
    coalesce(input_language, '?'),
    case
        when tokens < 1000 then '<1k'
        when tokens < 8000 then '1-8k'
        when tokens <= 50000 then '8-50k'
        when tokens > 50000 then '>50k'
        else '?'
    end,
    if(tool_count > 0, 'tools', null),
    if(media_count > 0, 'media', null)
)
