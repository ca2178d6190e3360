-- Charges every call of `incoming`: temp view call_terms (what was counted, at which rate) and temp table call_costs
-- (what it costs). Money is decimal all the way; nothing is rounded before a part of a cost is stored.

-- Exact: tokens below 10^12 and rates to 10^5 dollars stay inside decimal(36, 15).
create or replace temp macro per_million(units, rate) as
    cast(units as decimal(12, 0)) * cast(0.000001 as decimal(6, 6)) * rate;

-- Counts that no row can have are cut, so that damaged usage cannot stop a merge. A batch is a sum of many requests.
create or replace temp macro counted(units) as least(greatest(coalesce(units, 0), 0), 999999999999);

-- A price per 1,000 calls is a price per million of a thousand times the calls.
create or replace temp macro thousandths(calls) as least(greatest(coalesce(calls, 0), 0), 1000000) * 1000;

-- A price per hour, exactly: `prices` holds it per second, cut at 15 decimals, and an hour of $3 must cost $3. Whole
-- numbers of 10^-15 dollars, for division is exact to the last of them only there. Null from a million seconds on.
create or replace temp macro for_seconds(seconds, per_second) as
    try_cast(
        cast(try_cast(greatest(seconds, 0) as decimal(12, 6)) * cast(1000000 as decimal(7, 0)) as hugeint)
        * cast(cast(per_second as decimal(25, 15)) * cast(3600000000000 as decimal(13, 0)) as hugeint) // 3600
        as decimal(23, 0)
    ) * cast(0.000000000000001 as decimal(15, 15));

create or replace temp view call_terms as
with
reported as (
    select
        i.span_id,
        i.usage_source,
        i.status,
        i.http_status_code,
        i.error_type,
        i.service_tier,
        i.request_service_tier,
        i.input_tokens,
        i.output_tokens,
        i.cached_input_tokens,
        i.cache_write_tokens,
        i.cache_write_12h_tokens,
        i.reasoning_tokens,
        i.text_input_tokens,
        i.audio_input_tokens,
        i.image_input_tokens,
        i.text_output_tokens,
        i.audio_output_tokens,
        i.image_output_tokens,
        i.cached_audio_input_tokens,
        i.cached_image_input_tokens,
        i.web_search_calls,
        i.web_search_preview_calls,
        i.file_search_calls,
        i.container_calls,
        i.container_sessions,
        i.container_memory,
        -- OpenAI alone: what a container costs elsewhere is not known
        if(k.is_openai, counted(i.container_sessions), 0) as charged_sessions,
        f.container_usd,
        i.input_characters,
        i.audio_seconds,
        i.is_unsent,
        coalesce(i.requests, 1) as requests,
        -- a batch that does not say of how many requests is one of many
        coalesce(i.batch_requests, if(starts_with(i.endpoint, '/batches'), 2, i.requests), 1) > 1 as is_sum,
        i.image_tool_model,
        i.image_tool_calls,
        i.image_tool_input_tokens,
        i.image_tool_image_input_tokens,
        i.image_tool_cached_input_tokens,
        i.image_tool_cached_image_input_tokens,
        i.image_tool_output_tokens,
        i.image_tool_text_output_tokens,
        t.price_id as image_tool_price_id,
        i.usage_doubt,
        i.usage_conflict,
        i.stated_cost_source,
        -- What the server says it charged is the price on hosts that bill by it. OpenAI bills by its list. A 0 of a
        -- proxy also stands for a model that it has no price of, and the answer of another call was paid there.
        if(
            i.stated_cost_usd >= 0 and not coalesce(k.is_openai, false)
            and coalesce(i.usage_source, '') not in ('repeated', 'none', 'pending')
            and (i.stated_cost_usd > 0 or i.provider_name in ('openrouter', 'x_ai', 'perplexity')),
            i.stated_cost_usd, null
        ) as charged_usd,
        k.price_id,
        k.unpriced_reason as no_price_reason,
        k.is_openai,
        i.usage_source is not distinct from 'estimated' as is_estimated,
        if(
            i.usage_source is not distinct from 'estimated',
            try_cast(round(i.estimated_input_tokens) as bigint),
            i.input_tokens
        ) as all_input,
        if(
            i.usage_source is not distinct from 'estimated',
            try_cast(round(i.estimated_output_tokens) as bigint),
            i.output_tokens
        ) as all_output
    from incoming_keyed as i
    left join price_keys as k
        on i.key_provider_name = k.provider_name
        and i.key_model = k.model
        and i.key_service_tier = k.service_tier
        and i.key_server_address = k.server_address
        and i.key_started_on = k.started_on
        and i.key_is_batch = k.is_batch
        and i.key_half_hour = k.half_hour
        and i.key_api = k.api
    left join price_keys as t
        on i.image_tool_model = t.model
        and i.key_provider_name = t.provider_name
        and i.key_server_address = t.server_address
        and i.key_started_on = t.started_on
        and t.service_tier = ''
        and not t.is_batch
        and t.half_hour = -1
        and t.api = ''
    left join container_fees as f on coalesce(i.container_memory, '1g') = f.memory
),

-- cached and written tokens are parts of the input: what does not fit into it is cut
split as (
    select
        *,
        counted(all_input) as input,
        counted(all_output) as output,
        least(counted(cached_input_tokens), counted(all_input)) as cached,
        least(
            greatest(counted(cache_write_tokens), counted(cache_write_12h_tokens)),
            counted(all_input) - least(counted(cached_input_tokens), counted(all_input))
        ) as written
    from reported
),

-- modalities are parts of the input too and may lie in the cached part: each is capped at what the ones before left
modal as (
    select
        r.*,
        p.* exclude (price_id, service_tier, is_batch),
        r.input - r.cached - r.written as fresh,
        least(counted(r.cache_write_12h_tokens), r.written) as written_12h,
        least(counted(r.cached_audio_input_tokens), r.cached) as cached_audio,
        least(
            counted(r.cached_image_input_tokens),
            r.cached - least(counted(r.cached_audio_input_tokens), r.cached)
        ) as cached_image,
        r.audio_input_tokens is null and r.image_input_tokens is null and r.text_input_tokens is null
        and r.input > 0 and p.input_modality is not null as is_input_unsplit,
        r.audio_output_tokens is null and r.image_output_tokens is null and r.text_output_tokens is null
        and r.output > 0 and p.output_modality is not null as is_output_unsplit,
        -- a rule about one request says nothing of a sum of them
        coalesce(r.input > p.long_above, false) and not r.is_sum as is_long,
        coalesce(r.input > p.long_above, false) and r.is_sum as is_long_unknown,
        -- the image_generation tool is billed as its own model, by parts as an image endpoint's tokens are
        counted(r.image_tool_input_tokens) as tool_input,
        counted(r.image_tool_output_tokens) as tool_output,
        least(counted(r.image_tool_image_input_tokens), counted(r.image_tool_input_tokens)) as tool_image_input,
        least(counted(r.image_tool_cached_input_tokens), counted(r.image_tool_input_tokens)) as tool_cached,
        least(counted(r.image_tool_text_output_tokens), counted(r.image_tool_output_tokens)) as tool_text_output,
        g.input_per_mtok as tool_input_rate,
        g.image_input_per_mtok as tool_image_input_rate,
        g.cached_input_per_mtok as tool_cached_rate,
        g.cached_image_input_per_mtok as tool_cached_image_rate,
        g.output_per_mtok as tool_text_output_rate,
        g.image_output_per_mtok as tool_image_output_rate,
        g.model as tool_model,
        g.note as tool_note
    from split as r
    left join prices as p on r.price_id = p.price_id
    left join prices as g on r.image_tool_price_id = g.price_id
),

parts as (
    select
        *,
        least(counted(image_tool_cached_image_input_tokens), tool_cached, tool_image_input) as tool_cached_image,
        -- more than any one request can use, a thousand times over; of a sum, more than can be charged exactly
        coalesce(greatest(all_input, all_output) > if(is_sum, 999999999999, 1000000000), false) as is_out_of_range,
        case
            when is_input_unsplit then if(input_modality = 'audio', fresh, 0)
            when audio_input_tokens is null and input_modality = 'audio' and text_input_tokens is not null
                then greatest(fresh - counted(text_input_tokens), 0)
            else least(greatest(counted(audio_input_tokens) - cached_audio, 0), fresh)
        end as fresh_audio,
        case
            when is_output_unsplit then if(output_modality = 'audio', output, 0)
            else least(counted(audio_output_tokens), output)
        end as output_audio
    from modal
),

counts as (
    select
        *,
        if(
            is_input_unsplit,
            0,
            least(greatest(counted(image_input_tokens) - cached_image, 0), fresh - fresh_audio)
        ) as fresh_image,
        case
            when is_output_unsplit then if(output_modality = 'image', output, 0)
            when image_output_tokens is null and output_modality = 'image' and text_output_tokens is not null
                then output - output_audio - least(counted(text_output_tokens), output - output_audio)
            else least(counted(image_output_tokens), output - output_audio)
        end as output_image
    from parts
),

judged as (
    select
        *,
        -- Everything that has to be cut or contradicts itself; reasoning above the output is another vendor's way to count.
        coalesce(
            counted(cached_input_tokens) + greatest(counted(cache_write_tokens), counted(cache_write_12h_tokens)) > input
            or (cache_write_tokens is not null and counted(cache_write_12h_tokens) > counted(cache_write_tokens))
            or counted(audio_input_tokens) + counted(image_input_tokens) + counted(text_input_tokens) > input
            or counted(cached_audio_input_tokens) + counted(cached_image_input_tokens) > cached
            or counted(audio_output_tokens) + counted(image_output_tokens) + counted(text_output_tokens) > output
            or counted(reasoning_tokens) > output
            or least(
                all_input, all_output, cached_input_tokens, cache_write_tokens, cache_write_12h_tokens,
                audio_input_tokens, image_input_tokens, audio_output_tokens, image_output_tokens
            ) < 0
            or is_out_of_range
            or tool_cached - tool_cached_image > tool_input - tool_image_input,
            false
        ) as is_usage_inconsistent,
        input_tokens is null and output_tokens is null and audio_seconds is null as is_usage_missing,
        -- Why a call costs exactly nothing, whatever its price is.
        case
            when usage_source = 'repeated' then 'counted on the call that created it'
            when usage_source = 'none' then 'not billable'
            when status = 'error' and http_status_code >= 400 and is_usage_missing
                then 'not billed: HTTP ' || http_status_code
            -- A request that has left may have been answered, and billed, unseen: a connection that broke says nothing.
            when status = 'error' and is_unsent and is_usage_missing
                then 'not billed: not sent, ' || coalesce(error_type, 'connection failed')
        end as free_reason
    from counts
)

select
    *,
    fresh - fresh_audio - fresh_image as fresh_text,
    cached - cached_audio - cached_image as cached_text,
    written - written_12h as written_30m,
    output - output_audio - output_image as output_text,
    greatest(tool_cached - tool_cached_image, 0) as tool_cached_text,
    tool_input - tool_image_input - greatest(tool_cached - tool_cached_image, 0) as tool_text,
    tool_image_input - tool_cached_image as tool_image,
    tool_output - tool_text_output as tool_image_output,
    if(is_long, long_input_per_mtok, input_per_mtok) as input_rate,
    if(is_long, long_cached_input_per_mtok, cached_input_per_mtok) as cached_rate,
    if(is_long, long_cache_write_per_mtok, cache_write_per_mtok) as write_rate,
    if(is_long, long_cache_write_12h_per_mtok, cache_write_12h_per_mtok) as write_12h_rate,
    if(is_long, long_output_per_mtok, output_per_mtok) as output_rate,
    -- images without a price of their own cost what text costs, also in a long request
    if(is_long and image_input_per_mtok = input_per_mtok, long_input_per_mtok, image_input_per_mtok) as image_rate,
    if(
        is_long and cached_image_input_per_mtok = cached_input_per_mtok,
        long_cached_input_per_mtok,
        cached_image_input_per_mtok
    ) as cached_image_rate,
    if(is_long and image_output_per_mtok = output_per_mtok, long_output_per_mtok, image_output_per_mtok)
        as image_output_rate,
    case
        when free_reason is not null then null
        when usage_source = 'pending' then 'not finished when last seen'
        when is_out_of_range then 'usage out of range'
        when price_id is null then coalesce(no_price_reason, 'no price resolved')
        when usage_conflict is not null then usage_conflict
        when usage_source = 'absent' and input_per_mchar is null then 'usage not reported'
        when input_per_mchar is not null and input_characters is null then 'input characters not reported'
        when audio_per_second is not null and audio_seconds is null then 'audio duration not reported'
        when input_per_mchar is null and audio_per_second is null and is_usage_missing and not is_estimated
            then 'usage not reported'
        when all_input is null and input_per_mtok > 0 then 'input tokens not reported'
        when all_output is null and output_per_mtok > 0 then 'output tokens not reported'
        when output > 0 and output_per_mtok is null and input_per_mtok is not null
            then 'no output price for model ' || model
        when fresh_audio + cached_audio > 0 and audio_input_per_mtok is null then 'no audio input price for model ' || model
        when output_audio > 0 and audio_output_per_mtok is null then 'no audio output price for model ' || model
        when counted(web_search_calls) > 0 and web_search_per_kcall is null then 'no web search price for model ' || model
        when counted(web_search_preview_calls) > 0 and web_search_preview_per_kcall is null
            then 'no web search preview price for model ' || model
        when counted(file_search_calls) > 0 and file_search_per_kcall is null
            then 'no file search price for model ' || model
        when counted(image_tool_calls) > 0 and tool_input + tool_output = 0
            then 'usage of the image generation tool not reported'
        when tool_input + tool_output > 0 and image_tool_model is null
            then 'model of the image generation tool not reported'
        when (tool_input > 0 and tool_input_rate is null)
            or (tool_output > tool_text_output and tool_image_output_rate is null)
            or (tool_text_output > 0 and tool_text_output_rate is null)
            then 'no price for model ' || image_tool_model || ' of the image generation tool'
    end as unpriced_reason
from judged;

create or replace temp table call_costs as
with
charged as (
    select
        span_id,
        price_id,
        unpriced_reason,
        free_reason,
        is_estimated,
        is_usage_inconsistent,
        is_openai,
        is_unsent,
        http_status_code,
        usage_source,
        charged_usd,
        stated_cost_source,
        per_million(fresh_text, coalesce(input_rate, 0))
        + per_million(fresh_audio, coalesce(audio_input_per_mtok, 0))
        + per_million(fresh_image, coalesce(image_rate, 0))
        + if(input_per_mchar is null, 0, per_million(counted(input_characters), input_per_mchar))
        + if(audio_per_second is null, 0, for_seconds(coalesce(audio_seconds, 0), audio_per_second)) as input_usd,
        per_million(cached_text, coalesce(cached_rate, 0))
        + per_million(cached_audio, coalesce(cached_audio_input_per_mtok, 0))
        + per_million(cached_image, coalesce(cached_image_rate, 0)) as cached_usd,
        per_million(written_30m, coalesce(write_rate, 0))
        + per_million(written_12h, coalesce(write_12h_rate, 0)) as written_usd,
        per_million(output_text, coalesce(output_rate, 0))
        + per_million(output_audio, coalesce(audio_output_per_mtok, 0))
        + per_million(output_image, coalesce(image_output_rate, 0)) as output_usd,
        per_million(thousandths(web_search_calls), coalesce(web_search_per_kcall, 0))
        + per_million(thousandths(web_search_preview_calls), coalesce(web_search_preview_per_kcall, 0))
        + per_million(thousandths(file_search_calls), coalesce(file_search_per_kcall, 0))
        + per_million(thousandths(greatest(requests, 1)), coalesce(request_per_kcall, 0))
        + per_million(tool_text, coalesce(tool_input_rate, 0))
        + per_million(tool_image, coalesce(tool_image_input_rate, 0))
        + per_million(tool_cached_text, coalesce(tool_cached_rate, 0))
        + per_million(tool_cached_image, coalesce(tool_cached_image_rate, 0))
        + per_million(tool_image_output, coalesce(tool_image_output_rate, 0))
        + per_million(tool_text_output, coalesce(tool_text_output_rate, 0))
        + charged_sessions * coalesce(container_usd, 0) as tool_usd,
        -- what the cached and written tokens would have cost fresh, less what they did cost
        per_million(cached_text, coalesce(input_rate - cached_rate, 0))
        + per_million(cached_audio, coalesce(audio_input_per_mtok - cached_audio_input_per_mtok, 0))
        + per_million(cached_image, coalesce(image_rate - cached_image_rate, 0))
        + per_million(written_30m, coalesce(input_rate - write_rate, 0))
        + per_million(written_12h, coalesce(input_rate - write_12h_rate, 0)) as saving_usd,
        nullif(concat_ws(
            '; ',
            note,
            if(cached > 0, cached_input_note, null),
            if(written_12h > 0, cache_write_12h_note, null),
            if(counted(web_search_calls) > 0, web_search_note, null),
            if(counted(web_search_preview_calls) > 0, web_search_preview_note, null),
            if(counted(file_search_calls) > 0, file_search_note, null),
            if(tool_input + tool_output > 0, tool_note, null),
            if(
                is_long_unknown,
                'a sum of requests at the short-context price: one above ' || format('{:,}', long_above)
                || ' input tokens would cost more', null
            ),
            usage_doubt,
            if(
                is_sum and cache_write_tokens is null and fresh > 0 and write_rate is distinct from input_rate,
                'a batch does not report its cache writes', null
            ),
            if(is_usage_inconsistent, 'the reported usage contradicts itself', null),
            if(is_input_unsplit, 'input not split by modality, taken as ' || input_modality, null),
            if(is_output_unsplit, 'output not split by modality, taken as ' || output_modality, null),
            if(
                cached > 0 and coalesce(audio_input_tokens, image_input_tokens, 0) > 0
                and cached_audio_input_tokens is null and cached_image_input_tokens is null
                and coalesce(audio_input_per_mtok, image_input_per_mtok) is distinct from input_per_mtok,
                'cached input not split by modality', null
            ),
            if(input_per_mchar is not null, 'characters counted in the request', null),
            case
                when counted(container_calls) = 0 then null
                when container_sessions is null or not is_openai
                    then 'container time is billed per container and is not in this cost'
                when charged_sessions > 0 and container_memory is null
                    then 'the memory limit of the container was not reported, taken as 1g'
            end,
            if(
                nullif(service_tier, '') is null and request_service_tier not in ('auto', 'default'),
                'the answer names no service tier, the one asked for is taken', null
            )
        ), '') as b_note
    from call_terms
),

rounded as (
    select
        *,
        if(free_reason is null, try_cast(input_usd as decimal(18, 12)), 0) as input_cost_usd,
        if(free_reason is null, try_cast(cached_usd as decimal(18, 12)), 0) as cached_input_cost_usd,
        if(free_reason is null, try_cast(written_usd as decimal(18, 12)), 0) as cache_write_cost_usd,
        if(free_reason is null, try_cast(output_usd as decimal(18, 12)), 0) as output_cost_usd,
        if(free_reason is null, try_cast(tool_usd as decimal(18, 12)), 0) as tool_cost_usd,
        if(free_reason is null, try_cast(saving_usd as decimal(18, 12)), 0) as cache_saving_usd
    from charged
),

summed as (
    select
        *,
        try_cast(
            input_cost_usd + cached_input_cost_usd + cache_write_cost_usd + output_cost_usd + tool_cost_usd
            as decimal(18, 12)
        ) as cost_usd
    from rounded
),

known as (
    select
        *,
        coalesce(unpriced_reason, if(cost_usd is null, 'usage out of range', null)) as list_reason,
        if(charged_usd is null, list_reason, null) as reason,
        charged_usd is null and list_reason is null as is_listed
    from summed
)

select
    span_id,
    if(is_listed and free_reason is null, price_id, null) as price_id,
    case when is_listed then input_cost_usd when reason is null then 0 end as input_cost_usd,
    case when is_listed then cached_input_cost_usd when reason is null then 0 end as cached_input_cost_usd,
    case when is_listed then cache_write_cost_usd when reason is null then 0 end as cache_write_cost_usd,
    case when is_listed then output_cost_usd when reason is null then 0 end as output_cost_usd,
    case when is_listed then tool_cost_usd when reason is null then 0 end as tool_cost_usd,
    case when is_listed then 0 when reason is null then charged_usd end as unsplit_cost_usd,
    if(reason is null, coalesce(charged_usd, cost_usd), null) as cost_usd,
    -- where a contract holds, replaced by what the list says
    if(list_reason is null, cost_usd, null) as list_cost_usd,
    -- what a stated cost holds of caching is not known
    case when is_listed then cache_saving_usd when reason is null then 0 end as cache_saving_usd,
    -- A: reported usage at a dated price; B: something derived or assumed; C: tokens estimated; D: no cost known
    case
        when reason is not null then 'D'
        when charged_usd is not null then 'B'
        when free_reason is not null
            then if(usage_source in ('repeated', 'none') or is_unsent or (http_status_code >= 400 and is_openai), 'A', 'B')
        when is_estimated then 'C'
        when b_note is not null then 'B'
        else 'A'
    end as cost_grade,
    reason as unpriced_reason,
    case
        when reason is not null then null
        when charged_usd is not null
            then concat_ws(
                ', ', 'the server stated this cost (' || coalesce(stated_cost_source, 'source unknown') || ')',
                if(
                    list_reason is null and price_id is not null and free_reason is null and not is_estimated,
                    'the list price gives $' || regexp_replace(cast(cost_usd as varchar), '\.?0+$', ''), null
                )
            )
        else coalesce(
            free_reason, nullif(concat_ws('; ', if(is_estimated, 'tokens estimated', null), b_note), '')
        )
    end as cost_note,
    is_usage_inconsistent
from known;
