-- (input_language, size, has_tools, has_media): the stratum in which answers are compared with each other, of language,
-- input_size, and whether tools or images were there; "?" is not known.
concat_ws(
    ' · ', coalesce(input_language, '?'), size, if(has_tools, 'tools', null), if(has_media, 'media', null)
)
