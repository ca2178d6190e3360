"""Owns the DuckDB inside a worker: an instance in memory that shows the store's relations, under every lock it has.

The store's file is attached for moments: before a query, and detached again when none follows or when anybody holds
the merge lock, so that a merge of any process gets its turn (attach and detach take 3 ms; holding the file open would
keep every writer out). What clients can name are views in memory; the attached file itself has no name for them.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ..store.file import is_lock_error, lock_holder, quoted
from ..store.kept_money import KEPT_UNTIL
from .columns import without_content
from .guard import Visible
from .protocol import Problem
from .relations import FIGURES, FOLLOWING, GRAFANA, STORE, figure, is_shown, macros
from .statements import CATALOG, INFORMATION

DATABASE: Final = "llmwatch"
_COLUMN_OIDS: Final = f"""
select column_name, any_value(oid) from (
    select column_name, {CATALOG}.type_oid(data_type) as oid from duckdb_columns()
    where database_name = $1 and schema_name = $2
) group by all having count(distinct oid) = 1
"""
_SCRIPTS: Final = Path(__file__).parent / "catalog"
# Rows arrive while dashboards ask: after this long a busy worker lets go even if nobody is seen waiting.
_LEASE_S: Final = 1.0
# How long a query waits for merges before it asks for the file all the same, and then for the file.
_POLITE_S: Final = 2.0
_ATTACH_S: Final = 15.0


class Engine:
    """One connection; nothing is opened before the first lease."""

    def __init__(self, home: Path, path: Path, memory: str, *, shows_content: bool) -> None:
        self._home = home
        self._path = path
        self._memory = memory
        self._shows_content = shows_content
        self._con: Any = None
        self._leased_at: float | None = None
        # What the store looked like when the views were made.
        self._made_for: tuple[str | None, str | None] = (None, None)
        # Until when the figures take whole days from what is kept.
        self._kept_until: str | None = None
        self.visible = Visible(DATABASE, {})
        # oid by the name of each column that means one type wherever it occurs.
        self.column_oids: dict[str, int] = {}

    @contextmanager
    def lease(self) -> Generator[Any]:
        """The connection inside a read-only transaction over the store as it now is."""
        import duckdb

        con = self._ready()
        con.execute("begin transaction read only")
        try:
            yield con
        finally:
            try:
                con.execute("rollback")
            except duckdb.Error:
                # Whatever state that is, a new instance has none of it.
                self._drop()

    def interrupt(self) -> None:
        """The running query ends with an error; safe from another thread."""
        if self._con is not None:
            self._con.interrupt()

    def release(self) -> None:
        """The store's file is closed."""
        if self._leased_at is not None:
            self._leased_at = None
            self._con.execute("detach stored")

    def _drop(self) -> None:
        self._leased_at = None
        if self._con is not None:
            self._con.close()
        self._con = None

    def _ready(self) -> Any:
        is_wanted = self._leased_at is not None and lock_holder(self._home) is not None
        if self._leased_at is not None and (is_wanted or time.monotonic() - self._leased_at > _LEASE_S):
            self.release()
        if self._leased_at is None:
            self._attach()
        return self._con

    def _attach(self) -> None:
        if not self._path.exists():
            raise Problem("55000", "there is no store yet", "Make the first call, or run `llmwatch merge`.")
        if self._con is None:
            self._con = self._instance()
        self._attach_file()
        self._leased_at = time.monotonic()
        look = (self._meta("schema_version"), self._meta("views_digest"))
        if look != self._made_for or not self.visible.schemas:
            # The views in memory are those of another schema.
            self._drop()
            self._con = self._instance()
            self._attach_file()
            self._leased_at = time.monotonic()
            self._make_relations()
            self._made_for = look
        kept_until = self._meta(KEPT_UNTIL)
        if kept_until != self._kept_until:
            self._con.execute(f"set search_path = {quoted(f'{DATABASE}.{GRAFANA}')}")
            self._con.execute(f"create or replace {figure(FOLLOWING, kept_until)}")
            self._set_path()
            self._kept_until = kept_until

    def _meta(self, key: str) -> str | None:
        row = self._con.execute("select value from stored.main.meta where key = $1", [key]).fetchone()
        return row[0] if row else None

    def _attach_file(self) -> None:
        import duckdb

        started = time.monotonic()
        while lock_holder(self._home) is not None and time.monotonic() - started < _POLITE_S:
            time.sleep(0.01)
        while True:
            try:
                self._con.execute(f"attach {quoted(str(self._path))} as stored (read_only)")
            except duckdb.Error as e:
                if not is_lock_error(e) or time.monotonic() - started > _ATTACH_S:
                    raise
                time.sleep(0.01)
            else:
                return

    def _instance(self) -> Any:
        """A new instance that can open the store's file and nothing else of this machine."""
        import duckdb

        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": self._memory,
            "threads": "2",
            "temp_directory": "",
        }
        con = duckdb.connect(":memory:", config=config)
        con.execute("set enable_progress_bar = false")
        con.execute("set TimeZone = 'UTC'")
        # DuckDB looks for the log beside the file, and must be allowed to.
        paths = [self._path, *(self._path.with_name(f"{self._path.name}{end}") for end in (".wal", ".wal.recovery"))]
        con.execute(f"set allowed_paths = [{', '.join(quoted(str(p)) for p in paths)}]")
        con.execute("set enable_external_access = false")
        con.execute(f"attach ':memory:' as {DATABASE}")
        con.execute(f"use {DATABASE}")
        con.execute("set lock_configuration = true")
        return con

    def _make_relations(self) -> None:
        con = self._con
        for schema in (GRAFANA, CATALOG, INFORMATION, *([STORE] if self._shows_content else [])):
            con.execute(f"create schema {schema}")
        found = con.execute(
            "select table_name, list((column_name, data_type) order by column_index) from duckdb_columns()"
            " where database_name = 'stored' and schema_name = 'main' group by all order by all"
        ).fetchall()
        schemas: dict[str, set[str]] = {GRAFANA: set(), **({STORE: set()} if self._shows_content else {})}
        for relation, columns in found:
            if is_shown(relation):
                self._make_view(GRAFANA, relation, without_content(relation, columns))
                schemas[GRAFANA].add(relation)
            if self._shows_content:
                self._make_view(STORE, relation, [name for name, _ in columns])
                schemas[STORE].add(relation)
        self._make_figures()
        self._make_catalogs()
        self.column_oids = dict(con.execute(_COLUMN_OIDS, [DATABASE, GRAFANA]).fetchall())
        for schema in (CATALOG, INFORMATION):
            rows = con.execute(
                "select table_name from information_schema.tables where table_schema = $1", [schema]
            ).fetchall()
            schemas[schema] = {row[0] for row in rows}
        self.visible = Visible(
            DATABASE,
            {name: frozenset(relations) for name, relations in schemas.items()},
            frozenset((name,) for name in FIGURES),
        )

    def _make_view(self, schema: str, relation: str, columns: list[str]) -> None:
        listed = ", ".join(f'"{name}"' for name in columns)
        self._con.execute(f'create view {schema}."{relation}" as select {listed} from stored.main."{relation}"')

    def _make_figures(self) -> None:
        self._con.execute(f"set search_path = {quoted(f'{DATABASE}.{GRAFANA}')}")
        for statement in macros():
            self._con.execute(f"create {statement}")
        self._kept_until = None

    def _make_catalogs(self) -> None:
        self._con.execute(f"set search_path = {quoted(f'{DATABASE}.{CATALOG}')}")
        for script in sorted(_SCRIPTS.glob("*.sql")):
            self._con.execute(script.read_text("utf-8"))
        self._set_path()

    def _set_path(self) -> None:
        """Clients name the store's relations and PostgreSQL's catalogs without a schema."""
        shown = (GRAFANA, STORE, CATALOG) if self._shows_content else (GRAFANA, CATALOG)
        self._con.execute(f"set search_path = {quoted(','.join(f'{DATABASE}.{name}' for name in shown))}")
