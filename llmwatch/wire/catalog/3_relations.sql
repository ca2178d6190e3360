-- The catalogs that tell of the visible relations, made once per worker: what is visible does not change.
create table pg_namespace as
select * from (values
    (11::bigint, 'pg_catalog', 10::bigint, null::varchar[]),
    (12::bigint, 'information_schema', 10::bigint, null::varchar[]),
    (2200::bigint, 'grafana', 10::bigint, null::varchar[]),
    (2201::bigint, 'store', 10::bigint, null::varchar[])
) as spaces (oid, nspname, nspowner, nspacl)
where nspname in ('pg_catalog', 'information_schema')
    or nspname in (select schema_name from duckdb_views() where database_name = 'llmwatch' and not internal);

create table pg_class as
with relations as (
    select
        16384 + row_number() over (order by v.schema_name, v.view_name) as oid,
        v.view_name as relname,
        n.oid as relnamespace,
        v.column_count as relnatts,
        exists (
            from duckdb_tables() t where t.database_name = 'stored' and t.table_name = v.view_name
        ) as is_table
    from duckdb_views() v
    join pg_namespace n on n.nspname = v.schema_name
    where v.database_name = 'llmwatch' and not v.internal
)
select
    oid, relname, relnamespace, 0::bigint as reltype, 0::bigint as reloftype, 10::bigint as relowner,
    if(is_table, 2, 0)::bigint as relam, oid as relfilenode, 0::bigint as reltablespace, 0 as relpages,
    -1::float as reltuples, 0 as relallvisible, 0::bigint as reltoastrelid, false as relhasindex, false as relisshared,
    'p' as relpersistence, if(is_table, 'r', 'v') as relkind, relnatts::smallint as relnatts, 0::smallint as relchecks,
    false as relhasrules, false as relhastriggers, false as relhassubclass, false as relrowsecurity,
    false as relforcerowsecurity, true as relispopulated, 'n' as relreplident, false as relispartition,
    0::bigint as relrewrite, 0::bigint as relfrozenxid, 0::bigint as relminmxid, null::varchar[] as relacl,
    null::varchar[] as reloptions, null::varchar as relpartbound, false as relhasoids
from relations;

create table pg_attribute as
select
    c.oid as attrelid, d.column_name as attname, type_oid(d.data_type)::bigint as atttypid,
    -1 as attstattarget, -1::smallint as attlen, d.column_index::smallint as attnum, 0 as attndims, -1 as attcacheoff,
    if(
        starts_with(d.data_type, 'DECIMAL'), ((d.numeric_precision << 16) | d.numeric_scale) + 4, -1
    )::integer as atttypmod,
    false as attbyval, 'x' as attstorage, '' as attcompression, 'i' as attalign, false as attnotnull,
    false as atthasdef, false as atthasmissing, '' as attidentity, '' as attgenerated, false as attisdropped,
    true as attislocal, 0 as attinhcount, 0::bigint as attcollation, null::varchar[] as attacl,
    null::varchar[] as attoptions, null::varchar[] as attfdwoptions, null::varchar as attmissingval
from duckdb_columns() d
join pg_namespace n on n.nspname = d.schema_name
join pg_class c on c.relname = d.table_name and c.relnamespace = n.oid
where d.database_name = 'llmwatch';

create table pg_type as
with scalars (oid, typname, typlen, typcategory, typarray) as (values
    (16, 'bool', 1, 'B', 1000), (17, 'bytea', -1, 'U', 1001), (18, 'char', 1, 'Z', 1002), (19, 'name', 64, 'S', 1003),
    (20, 'int8', 8, 'N', 1016), (21, 'int2', 2, 'N', 1005), (23, 'int4', 4, 'N', 1007), (25, 'text', -1, 'S', 1009),
    (26, 'oid', 4, 'N', 1028), (114, 'json', -1, 'U', 199), (700, 'float4', 4, 'N', 1021),
    (701, 'float8', 8, 'N', 1022), (1043, 'varchar', -1, 'S', 1015), (1082, 'date', 4, 'D', 1182),
    (1083, 'time', 8, 'D', 1183), (1114, 'timestamp', 8, 'D', 1115), (1184, 'timestamptz', 8, 'D', 1185),
    (1186, 'interval', 16, 'T', 1187), (1700, 'numeric', -1, 'N', 1231), (2950, 'uuid', 16, 'U', 2951),
    (3802, 'jsonb', -1, 'U', 3807), (2205, 'regclass', 4, 'N', 2210), (705, 'unknown', -2, 'X', 0)
),
with_arrays as (
    select oid, typname, typlen, typcategory, 0 as typelem, typarray from scalars
    union all
    select typarray, '_' || typname, -1, 'A', oid, 0 from scalars where typarray > 0
)
select
    oid::bigint as oid, typname, 11::bigint as typnamespace, 10::bigint as typowner, typlen::smallint as typlen,
    typlen between 1 and 8 as typbyval, 'b' as typtype, typcategory, typcategory in ('B', 'S', 'D') as typispreferred,
    true as typisdefined, ',' as typdelim, 0::bigint as typrelid, if(typelem > 0, 'array_subscript_handler', '-') as typsubscript,
    typelem::bigint as typelem, typarray::bigint as typarray, if(typelem > 0, 'array_in', typname || 'in') as typinput,
    if(typelem > 0, 'array_out', typname || 'out') as typoutput, if(typelem > 0, 'array_recv', typname || 'recv') as typreceive,
    if(typelem > 0, 'array_send', typname || 'send') as typsend, '-' as typmodin, '-' as typmodout, '-' as typanalyze,
    'i' as typalign, 'p' as typstorage, false as typnotnull, 0::bigint as typbasetype, -1 as typtypmod, 0 as typndims,
    0::bigint as typcollation, null::varchar as typdefaultbin, null::varchar as typdefault, null::varchar[] as typacl
from with_arrays;

create table pg_database as
select
    5::bigint as oid, 'llmwatch' as datname, 10::bigint as datdba, 6 as encoding, 'c' as datlocprovider,
    false as datistemplate, true as datallowconn, -1 as datconnlimit, 0::bigint as datfrozenxid, 1663::bigint as dattablespace,
    'C.UTF-8' as datcollate, 'C.UTF-8' as datctype, null::varchar as daticulocale, null::varchar as datcollversion,
    null::varchar[] as datacl;

create table pg_roles as
select
    10::bigint as oid, 'llmwatch' as rolname, false as rolsuper, true as rolinherit, false as rolcreaterole,
    false as rolcreatedb, true as rolcanlogin, false as rolreplication, -1 as rolconnlimit, '********' as rolpassword,
    null::timestamptz as rolvaliduntil, false as rolbypassrls, null::varchar[] as rolconfig;
create view pg_authid as from pg_roles;
create view pg_user as
select rolname as usename, oid as usesysid, rolsuper as usesuper, rolcreatedb as usecreatedb from pg_roles;

create table pg_am as
select 2::bigint as oid, 'heap' as amname, 'heap_tableam_handler' as amhandler, 't' as amtype;
create table pg_tablespace as
select 1663::bigint as oid, 'pg_default' as spcname, 10::bigint as spcowner, null::varchar[] as spcacl, null::varchar[] as spcoptions;
create table pg_settings as
select name, current_setting(name) as setting, null::varchar as unit, '' as category, '' as short_desc, 'internal' as context,
    'string' as vartype, 'default' as source
from (select unnest(['server_version', 'server_version_num', 'TimeZone', 'search_path', 'client_encoding',
    'server_encoding', 'standard_conforming_strings', 'max_index_keys', 'max_identifier_length']) as name);
create view pg_tables as
select n.nspname as schemaname, c.relname as tablename, 'llmwatch' as tableowner, null::varchar as tablespace,
    false as hasindexes, false as hasrules, false as hastriggers, false as rowsecurity
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r';
create view pg_views as
select n.nspname as schemaname, c.relname as viewname, 'llmwatch' as viewowner, null::varchar as definition
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'v';
create macro to_regclass(name) as (
    select min(c.oid) from pg_class c where c.relname = replace(list_last(string_split(name, '.')), '"', '')
);
create macro to_regtype(name) as (
    select min(t.oid) from pg_type t
    where lower(replace(list_last(string_split(name, '.')), '"', '')) in (t.typname, format_type(t.oid, -1))
);
create view pg_timezone_names as select 'UTC' as name, 'UTC' as abbrev, interval '0 hours' as utc_offset, false as is_dst;
create view pg_stat_activity as
select 5::bigint as datid, 'llmwatch' as datname, 1 as pid, 'llmwatch' as usename, 'active' as state, '' as query where false;
