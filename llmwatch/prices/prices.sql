-- One row per price that a call was charged at: US dollars, valid on the UTC days [valid_from, valid_until).
-- Rows are never changed: a price_id is a digest of its row, so what a past call was charged can always be read again.
-- Rates of part units are filled in from the whole (cached input without a price of its own costs what input costs);
-- an audio rate stays null where there is none, for audio is never charged as text.
create table if not exists prices (
    price_id varchar primary key,
    provider varchar,
    model varchar not null,
    service_tier varchar not null,
    is_batch boolean not null,
    valid_from date,
    valid_until date,
    input_per_mtok decimal(18, 9),
    cached_input_per_mtok decimal(18, 9),
    cache_write_per_mtok decimal(18, 9),
    cache_write_12h_per_mtok decimal(18, 9),
    output_per_mtok decimal(18, 9),
    audio_input_per_mtok decimal(18, 9),
    cached_audio_input_per_mtok decimal(18, 9),
    audio_output_per_mtok decimal(18, 9),
    image_input_per_mtok decimal(18, 9),
    cached_image_input_per_mtok decimal(18, 9),
    image_output_per_mtok decimal(18, 9),
    -- above this many input tokens (strictly), the whole request is charged at the long_ rates
    long_above bigint,
    long_input_per_mtok decimal(18, 9),
    long_cached_input_per_mtok decimal(18, 9),
    long_cache_write_per_mtok decimal(18, 9),
    long_cache_write_12h_per_mtok decimal(18, 9),
    long_output_per_mtok decimal(18, 9),
    web_search_per_kcall decimal(18, 9),
    web_search_preview_per_kcall decimal(18, 9),
    file_search_per_kcall decimal(18, 9),
    request_per_kcall decimal(18, 9),
    input_per_mchar decimal(18, 9),
    audio_per_second decimal(18, 15),
    -- A, or B with the reason in note; the other notes make a call B only if it used what they are about
    grade varchar not null,
    note varchar,
    cached_input_note varchar,
    cache_write_12h_note varchar,
    web_search_note varchar,
    web_search_preview_note varchar,
    file_search_note varchar,
    -- what tokens of unreported modality are; null where the model has one price for all
    input_modality varchar,
    output_modality varchar,
    source varchar not null
);
