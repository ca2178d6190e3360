-- Types that casts name. A number or a text is what they are here.
create type name as varchar;
create type regclass as varchar;
create type regtype as varchar;
create type regproc as varchar;
create type regprocedure as varchar;
create type regnamespace as varchar;
create type regoper as varchar;
create type regrole as varchar;
create type xid as bigint;
create type cstring as varchar;
create type jsonb as json;
create type bpchar as varchar;
create type aclitem as varchar;
