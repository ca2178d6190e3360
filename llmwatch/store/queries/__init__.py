"""Owns the read queries and the views they stand on: one .sql file per relation, named after it, parameters by name.

Values reach a query as parameters only; no text of a query is ever assembled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

_QUERIES: Final = Path(__file__).parent
_VIEWS: Final = _QUERIES.parent / "views"

_MACROS: Final = _QUERIES.parent / "macros"

# Every macro with its parameters, and every view, in the order in which they can be made; every query. A file that is
# not named here fails a test.
MACROS: Final = {
    "is_answer": "operation_name",
    "nano": "amount_usd",
    "to_units": "per",
    "calendar_unit": "per",
    "calendar_nano": "amount_usd, per, moment",
    "accrued_nano": "amount_usd, per, starts_at, ends_at, moment",
    "recognised_nano": "amount_usd, per, starts_at, ends_at, since, until",
    "input_size": "tokens",
    "stratum_name": "input_language, size, has_tools, has_media",
    "stratum": "input_language, tokens, tool_count, media_count",
}
VIEWS: Final = (
    "call_facts",
    "call_lines",
    "call_strata",
    "scores_current",
    "answer_scores",
    "answers_kept",
    "revenue_calls",
    "revenue_records",
    "revenue_streams",
    "outcomes",
    "runs",
    "revenue_by_customer_hour",
    "margin_by_customer_day",
)
QUERIES: Final = (
    "answer_checks",
    "answers_missing",
    "attempts",
    "call",
    "calls",
    "calls_named",
    "content",
    "contents",
    "cost_of_knowing",
    "coverage",
    "defects",
    "downgrade_revenue",
    "downgrade_strata",
    "downgrade_traffic",
    "drift_acknowledgements",
    "drift_alarms",
    "events",
    "judge_audits",
    "judged_answers",
    "judged_by",
    "judge_said",
    "judge_steps",
    "judgement_requests",
    "kept_state",
    "margin_names",
    "margin_outcomes",
    "margin_periods",
    "margin_plans",
    "margin_shared",
    "meta",
    "money_over_time",
    "names_by",
    "older_costs",
    "pair_audits",
    "pair_contents",
    "price_table",
    "prompt_versions",
    "quality_over_time",
    "quality_scores",
    "pairs_to_judge",
    "references",
    "removals_in",
    "replay_requests",
    "replayed",
    "replayed_tasks",
    "revenue_customers",
    "revenue_imports",
    "revenue_sources",
    "revenue_unlinked",
    "review_sample",
    "runs",
    "runs_by_kind",
    "scores_stated",
    "speed_by",
    "spend_by",
    "spend_by_each",
    "spend_over_time",
    "stored_contents",
    "stored_inputs",
    "sunset",
    "sunset_tasks",
    "task_activity",
    "task_changes",
    "task_names",
    "task_parts",
    "task_spend",
    "task_tags",
    "tasks",
    "unpriced",
    "unpriced_dearest",
    "unresolved_scores",
    "weekly_doubles",
    "weekly_scores",
    "weekly_signals",
    "prices_used",
    "taken_as_global",
)


# What dashboards and users read; no query here stands on them, and to make these two takes as long as all others.
_SHOWN: Final = ("revenue_by_customer_hour", "margin_by_customer_day")


@cache
def macro_sql(name: str) -> str:
    """Parameters and expression, as they follow the macro's name."""
    return f"({MACROS[name]}) as (\n{(_MACROS / f'{name}.sql').read_text('utf-8')}\n)"


@cache
def view_sql(name: str) -> str:
    """The select that the view is."""
    return (_VIEWS / f"{name}.sql").read_text("utf-8")


@cache
def query_sql(name: str) -> str:
    """The text of the query."""
    return (_QUERIES / f"{name}.sql").read_text("utf-8")


@cache
def views_digest() -> str:
    """Changes with the text of any view or macro."""
    texts = (*map(macro_sql, MACROS), *map(view_sql, VIEWS))
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


def create_views(con: Any) -> None:
    """Makes what queries stand on for this connection alone: a store of an older llmwatch is read by today's views.

    Where the store has today's already, nothing: a view of it finds a temporary table in place of a stored one.
    """
    if con.execute("select value from meta where key = 'views_digest'").fetchone() == (views_digest(),):
        return
    for name in MACROS:
        con.execute(f"create or replace temp macro {name}{macro_sql(name)}")
    for name in VIEWS:
        if name not in _SHOWN:
            con.execute(f"create or replace temp view {name} as {view_sql(name)}")


def keep(con: Any, *views: str) -> None:
    """The rows of the views, in the order given, are computed once for all later queries, which see the same names.

    For as long as the connection lives: only for one that reads.
    """
    kept = {name for (name,) in con.execute("select table_name from duckdb_tables() where temporary").fetchall()}
    for view in views:
        if view not in kept:
            con.execute(f"drop view if exists temp.{view}")
            con.execute(f"create temp table {view} as {view_sql(view)}")


def rows(con: Any, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of a query, as column -> value; money is Decimal, times are UTC without a zone."""
    return fetch(con, query_sql(name), parameters)


def fetch(con: Any, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
    """The rows of any statement; a result not read to its end would block the connection."""
    result = con.execute(sql, parameters) if parameters else con.execute(sql)
    columns: Iterable[str] = [column[0] for column in result.description]
    return [dict(zip(columns, values, strict=True)) for values in result.fetchall()]
