-- (input_language, tokens, tool_count, media_count): the stratum of one call.
stratum_name(input_language, input_size(tokens), tool_count > 0, media_count > 0)
