-- PostgreSQL's functions that clients ask at the start or when they look around; answers are those of this server.
create macro type_oid_plain(duck) as case
    when duck = 'BOOLEAN' then 16 when duck = 'BLOB' then 17
    when duck in ('TINYINT', 'SMALLINT', 'UTINYINT') then 21
    when duck in ('INTEGER', 'USMALLINT') then 23
    when duck in ('BIGINT', 'UINTEGER') then 20
    when duck = 'FLOAT' then 700 when duck = 'DOUBLE' then 701
    when starts_with(duck, 'DECIMAL') or duck in ('HUGEINT', 'UHUGEINT', 'UBIGINT') then 1700
    when duck = 'DATE' then 1082 when duck = 'TIME' then 1083
    when duck = 'TIMESTAMP WITH TIME ZONE' then 1184
    when starts_with(duck, 'TIMESTAMP') then 1114
    when duck = 'INTERVAL' then 1186 when duck = 'UUID' then 2950
    when duck = 'JSON' or starts_with(duck, 'STRUCT') or starts_with(duck, 'MAP') then 114
    else 25
end;
create macro type_oid(duck) as case
    when ends_with(duck, '[]') then
        case type_oid_plain(duck[:-3])
            when 16 then 1000 when 17 then 1001 when 20 then 1016 when 21 then 1005 when 23 then 1007
            when 700 then 1021 when 701 then 1022 when 1114 then 1115 when 1184 then 1185 when 1700 then 1231
            when 1082 then 1182 else 1009
        end
    else type_oid_plain(duck)
end;
create macro version() as 'PostgreSQL 15.0 (llmwatch, read-only, answered by DuckDB)';
create macro setting_value(name) as case lower(name)
    when 'server_version_num' then '150000'
    when 'server_version' then '15.0'
    when 'search_path' then 'grafana, store'
    when 'timezone' then 'UTC'
    when 'standard_conforming_strings' then 'on'
    when 'max_index_keys' then '32'
    when 'max_identifier_length' then '63'
    when 'transaction_read_only' then 'on'
    when 'default_transaction_read_only' then 'on'
    when 'is_superuser' then 'off'
    when 'server_encoding' then 'UTF8'
    when 'client_encoding' then 'UTF8'
    when 'block_size' then '8192'
    when 'data_directory' then ''
end;
create macro current_setting(name) as setting_value(name), (name, missing_ok) as setting_value(name);
create macro set_config(name, value, is_local) as value;
create macro current_schema() as 'grafana';
create macro current_schemas(with_implicit) as if(with_implicit, ['pg_catalog', 'grafana', 'store'], ['grafana', 'store']);
create macro current_user() as 'llmwatch';
create macro session_user() as 'llmwatch';
create macro "user"() as 'llmwatch';
create macro current_role() as 'llmwatch';
create macro pg_backend_pid() as 1;
create macro pg_is_in_recovery() as false;
create macro pg_is_wal_replay_paused() as false;
create macro pg_get_userbyid(id) as 'llmwatch';
create macro pg_encoding_to_char(id) as 'UTF8';
create macro pg_char_to_encoding(name) as 6;
create macro pg_client_encoding() as 'UTF8';
create macro pg_table_is_visible(id) as true;
create macro pg_type_is_visible(id) as true;
create macro pg_function_is_visible(id) as true;
create macro pg_get_indexdef(id) as null::varchar, (id, col, pretty) as null::varchar;
create macro pg_get_constraintdef(id) as null::varchar, (id, pretty) as null::varchar;
create macro pg_get_viewdef(id) as null::varchar, (id, pretty) as null::varchar;
create macro pg_get_ruledef(id) as null::varchar, (id, pretty) as null::varchar;
create macro pg_get_triggerdef(id) as null::varchar, (id, pretty) as null::varchar;
create macro pg_get_partkeydef(id) as null::varchar;
create macro pg_get_partition_constraintdef(id) as null::varchar;
create macro pg_get_expr(node, id) as node::varchar, (node, id, pretty) as node::varchar;
create macro pg_get_function_identity_arguments(id) as '';
create macro pg_get_function_arguments(id) as '';
create macro pg_get_function_result(id) as '';
create macro pg_get_functiondef(id) as null::varchar;
create macro pg_get_serial_sequence(relation, col) as null::varchar;
create macro pg_get_statisticsobjdef_columns(id) as null::varchar;
create macro pg_relation_is_publishable(id) as false;
create macro pg_relation_size(id) as 0::bigint, (id, fork) as 0::bigint;
create macro pg_table_size(id) as 0::bigint;
create macro pg_indexes_size(id) as 0::bigint;
create macro pg_total_relation_size(id) as 0::bigint;
create macro pg_database_size(id) as 0::bigint;
create macro pg_tablespace_location(id) as '';
create macro pg_advisory_unlock_all() as null::varchar;
create macro pg_cancel_backend(id) as false;
create macro pg_column_is_updatable(id, col, triggers) as false;
create macro pg_relation_is_updatable(id, triggers) as 0;
create macro pg_encoding_max_length(id) as 4;
create macro pg_get_keywords() as null::varchar;
create macro obj_description(id) as null::varchar, (id, catalog) as null::varchar;
create macro shobj_description(id, catalog) as null::varchar;
create macro col_description(id, col) as null::varchar;
create macro has_schema_privilege(a, b) as true, (a, b, c) as true;
create macro has_table_privilege(a, b) as lower(b) like 'select%', (a, b, c) as lower(c) like 'select%';
create macro has_any_column_privilege(a, b) as lower(b) like 'select%', (a, b, c) as lower(c) like 'select%';
create macro has_database_privilege(a, b) as lower(b) = 'connect', (a, b, c) as lower(c) = 'connect';
create macro quote_ident(name) as
    if(regexp_full_match(name, '[a-z_][a-z0-9_$]*'), name, '"' || replace(name, '"', '""') || '"');
create macro quote_literal(value) as '''' || replace(value::varchar, '''', '''''') || '''';
create macro quote_nullable(value) as coalesce('''' || replace(value::varchar, '''', '''''') || '''', 'NULL');
create macro parse_ident(name) as
    list_transform(string_split(name, '.'), lambda part: if(part[1] = '"', part[2:-2], lower(part)));
create macro array_upper(list, dimension) as nullif(len(list), 0);
create macro array_lower(list, dimension) as if(len(list) = 0, null, 1);
create macro array_to_string(list, separator) as list_aggregate(list, 'string_agg', separator),
    (list, separator, null_text) as
    list_aggregate(list_transform(list, lambda item: coalesce(item::varchar, null_text)), 'string_agg', separator);
create macro regexp_like(value, pattern) as regexp_matches(value, pattern);
create macro format_type(id, modifier) as case id
    when 16 then 'boolean' when 17 then 'bytea' when 18 then '"char"' when 19 then 'name' when 20 then 'bigint'
    when 21 then 'smallint' when 23 then 'integer' when 25 then 'text' when 26 then 'oid' when 114 then 'json'
    when 700 then 'real' when 701 then 'double precision' when 1043 then 'character varying'
    when 1082 then 'date' when 1083 then 'time without time zone' when 1114 then 'timestamp without time zone'
    when 1184 then 'timestamp with time zone' when 1186 then 'interval' when 2950 then 'uuid'
    when 1700 then if(
        modifier is null or modifier < 4,
        'numeric',
        'numeric(' || ((modifier - 4) >> 16) || ',' || ((modifier - 4) & 65535) || ')'
    )
    when 1000 then 'boolean[]' when 1005 then 'smallint[]' when 1007 then 'integer[]' when 1009 then 'text[]'
    when 1016 then 'bigint[]' when 1021 then 'real[]' when 1022 then 'double precision[]' when 1231 then 'numeric[]'
    when 1115 then 'timestamp without time zone[]' when 1185 then 'timestamp with time zone[]'
    when 1182 then 'date[]' when 1001 then 'bytea[]'
    else '???'
end;
