-- Charges every call of `incoming`: temp view call_terms (what was counted, at which rate) and temp table call_costs
-- (what it costs). Money is decimal all the way; nothing is rounded before a part of a cost is stored.

-- Exact: tokens to 10^9 and rates to 10^5 dollars stay inside decimal(36, 15).
create or replace temp macro per_million(units, rate) as
    cast(units as decimal(12, 0)) * cast(0.000001 as decimal(6, 6)) * rate;

-- Counts that no call can have are cut, so that damaged usage cannot stop a merge.
create or replace temp macro counted(units) as least(greatest(coalesce(units, 0), 0), 1000000000);

-- A price per 1,000 calls is a price per million of a thousand times the calls.
create or replace temp macro thousandths(calls) as least(greatest(coalesce(calls, 0), 0), 1000000) * 1000;

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
        i.input_characters,
        i.audio_seconds,
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
        coalesce(r.input > p.long_above, false) as is_long
    from split as r
    left join prices as p on r.price_id = p.price_id
),

parts as (
    select
        *,
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
            or greatest(all_input, all_output) > 1000000000,
            false
        ) as is_usage_inconsistent,
        input_tokens is null and output_tokens is null and audio_seconds is null as is_usage_missing,
        -- Why a call costs exactly nothing, whatever its price is.
        case
            when usage_source = 'repeated' then 'counted on the call that created it'
            when usage_source = 'none' then 'this endpoint bills nothing'
            when status = 'error' and http_status_code >= 400 and is_usage_missing
                then 'not billed: HTTP ' || http_status_code
            -- A request that ran into a timeout or was cancelled may have been answered, and billed, unseen.
            when status = 'error' and http_status_code is null and is_usage_missing and not is_estimated
                and not regexp_matches(coalesce(error_type, ''), '(?i)timeout|cancel|generatorexit|interrupt')
                then 'not billed: no answer, ' || coalesce(error_type, 'connection failed')
        end as free_reason
    from counts
)

select
    *,
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
        when price_id is null then coalesce(no_price_reason, 'no price resolved')
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
        http_status_code,
        usage_source,
        per_million(fresh - fresh_audio - fresh_image, coalesce(input_rate, 0))
        + per_million(fresh_audio, coalesce(audio_input_per_mtok, 0))
        + per_million(fresh_image, coalesce(image_rate, 0))
        + if(input_per_mchar is null, 0, per_million(counted(input_characters), input_per_mchar))
        + if(
            audio_per_second is null,
            0,
            cast(coalesce(try_cast(least(greatest(audio_seconds, 0), 1000000) as decimal(15, 6)), 0) * audio_per_second as decimal(36, 15))
        ) as input_usd,
        per_million(cached - cached_audio - cached_image, coalesce(cached_rate, 0))
        + per_million(cached_audio, coalesce(cached_audio_input_per_mtok, 0))
        + per_million(cached_image, coalesce(cached_image_rate, 0)) as cached_usd,
        per_million(written - written_12h, coalesce(write_rate, 0))
        + per_million(written_12h, coalesce(write_12h_rate, 0)) as written_usd,
        per_million(output - output_audio - output_image, coalesce(output_rate, 0))
        + per_million(output_audio, coalesce(audio_output_per_mtok, 0))
        + per_million(output_image, coalesce(image_output_rate, 0)) as output_usd,
        per_million(thousandths(web_search_calls), coalesce(web_search_per_kcall, 0))
        + per_million(thousandths(web_search_preview_calls), coalesce(web_search_preview_per_kcall, 0))
        + per_million(thousandths(file_search_calls), coalesce(file_search_per_kcall, 0))
        + per_million(1000, coalesce(request_per_kcall, 0)) as tool_usd,
        -- what the cached and written tokens would have cost fresh, less what they did cost
        per_million(cached - cached_audio - cached_image, coalesce(input_rate - cached_rate, 0))
        + per_million(cached_audio, coalesce(audio_input_per_mtok - cached_audio_input_per_mtok, 0))
        + per_million(cached_image, coalesce(image_rate - cached_image_rate, 0))
        + per_million(written - written_12h, coalesce(input_rate - write_rate, 0))
        + per_million(written_12h, coalesce(input_rate - write_12h_rate, 0)) as saving_usd,
        nullif(concat_ws(
            '; ',
            note,
            if(cached > 0, cached_input_note, null),
            if(written_12h > 0, cache_write_12h_note, null),
            if(counted(web_search_calls) > 0, web_search_note, null),
            if(counted(web_search_preview_calls) > 0, web_search_preview_note, null),
            if(counted(file_search_calls) > 0, file_search_note, null),
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
            if(counted(container_calls) > 0, 'container time is billed per container and is not in this cost', null),
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
    select *, coalesce(unpriced_reason, if(cost_usd is null, 'usage out of range', null)) as reason from summed
)

select
    span_id,
    if(reason is null and free_reason is null, price_id, null) as price_id,
    if(reason is null, input_cost_usd, null) as input_cost_usd,
    if(reason is null, cached_input_cost_usd, null) as cached_input_cost_usd,
    if(reason is null, cache_write_cost_usd, null) as cache_write_cost_usd,
    if(reason is null, output_cost_usd, null) as output_cost_usd,
    if(reason is null, tool_cost_usd, null) as tool_cost_usd,
    if(reason is null, cost_usd, null) as cost_usd,
    -- of calls with a contract, replaced by what the list would have been
    if(reason is null, cost_usd, null) as list_cost_usd,
    if(reason is null, cache_saving_usd, null) as cache_saving_usd,
    -- A: reported usage at a dated price; B: something derived or assumed; C: tokens estimated; D: no cost known
    case
        when reason is not null then 'D'
        when free_reason is not null
            then if(usage_source in ('repeated', 'none') or (http_status_code >= 400 and is_openai), 'A', 'B')
        when is_estimated then 'C'
        when b_note is not null then 'B'
        else 'A'
    end as cost_grade,
    reason as unpriced_reason,
    if(reason is null, coalesce(free_reason, nullif(concat_ws('; ', if(is_estimated, 'tokens estimated', null), b_note), '')), null)
        as cost_note,
    is_usage_inconsistent
from known;
