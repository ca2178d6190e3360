-- information_schema, of the visible relations alone.
create view wire_information.schemata as
select 'llmwatch' as catalog_name, nspname as schema_name, 'llmwatch' as schema_owner,
    null::varchar as default_character_set_catalog, null::varchar as default_character_set_schema,
    null::varchar as default_character_set_name, null::varchar as sql_path
from pg_namespace;
create view wire_information.tables as
select 'llmwatch' as table_catalog, n.nspname as table_schema, c.relname as table_name,
    if(c.relkind = 'r', 'BASE TABLE', 'VIEW') as table_type, null::varchar as self_referencing_column_name,
    null::varchar as reference_generation, null::varchar as user_defined_type_catalog,
    null::varchar as user_defined_type_schema, null::varchar as user_defined_type_name, 'NO' as is_insertable_into,
    'NO' as is_typed, null::varchar as commit_action
from pg_class c join pg_namespace n on n.oid = c.relnamespace;
create view wire_information.views as
select table_catalog, table_schema, table_name, null::varchar as view_definition, 'NONE' as check_option,
    'NO' as is_updatable, 'NO' as is_insertable_into
from wire_information.tables where table_type = 'VIEW';
create view wire_information.columns as
select 'llmwatch' as table_catalog, n.nspname as table_schema, c.relname as table_name, a.attname as column_name,
    a.attnum::integer as ordinal_position, null::varchar as column_default, 'YES' as is_nullable,
    if(t.typcategory = 'A', 'ARRAY', format_type(a.atttypid, -1)) as data_type, null::integer as character_maximum_length,
    null::integer as character_octet_length,
    if(a.atttypmod > 4, (a.atttypmod - 4) >> 16, null)::integer as numeric_precision,
    if(t.typcategory = 'N', 10, null)::integer as numeric_precision_radix,
    if(a.atttypmod > 4, (a.atttypmod - 4) & 65535, null)::integer as numeric_scale,
    if(t.typcategory = 'D', 6, null)::integer as datetime_precision, null::varchar as interval_type,
    'llmwatch' as udt_catalog, 'pg_catalog' as udt_schema, t.typname as udt_name, null::varchar as collation_name,
    'NO' as is_identity, 'NEVER' as is_generated, null::varchar as generation_expression, 'NO' as is_updatable
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid;
create view wire_information.table_constraints as
select null::varchar as constraint_catalog, null::varchar as constraint_schema, null::varchar as constraint_name,
    null::varchar as table_catalog, null::varchar as table_schema, null::varchar as table_name, null::varchar as constraint_type
where false;
create view wire_information.key_column_usage as
select *, null::varchar as column_name, null::integer as ordinal_position, null::integer as position_in_unique_constraint
from wire_information.table_constraints;
create view wire_information.constraint_column_usage as
select *, null::varchar as column_name from wire_information.table_constraints;
create view wire_information.referential_constraints as
select *, null::varchar as unique_constraint_name, null::varchar as update_rule, null::varchar as delete_rule
from wire_information.table_constraints;
create view wire_information.character_sets as select 'UTF8' as character_set_name;
create view wire_information.routines as
select null::varchar as routine_schema, null::varchar as routine_name, null::varchar as routine_type where false;
create view wire_information.role_table_grants as
select 'llmwatch' as grantor, 'llmwatch' as grantee, table_catalog, table_schema, table_name, 'SELECT' as privilege_type
from wire_information.tables;
create view wire_information.table_privileges as from wire_information.role_table_grants;
create view wire_information.information_schema_catalog_name as select 'llmwatch' as catalog_name;
-- Unfolds the columns of a key; there are no keys, and so nothing to unfold.
create macro wire_information._pg_expandarray(list) as {'x': list[1], 'n': 1};
