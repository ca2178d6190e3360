"""Owns which relations of the store exist on the wire; which of their columns, wire/columns.py says.

Schema `grafana` has no prompt, no answer, no comment and no message of an error: nothing that a user or a model wrote.
Schema `store`, made only where content was asked for, is the whole store.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final

from ..store.queries import MACROS, VIEWS, macro_sql, query_sql

GRAFANA: Final = "grafana"
STORE: Final = "store"

# Tables of the store that dashboards read, beside every view of it.
TABLES: Final = (
    "calls",
    "http_attempts",
    "pipeline_events",
    "tasks",
    "scores",
    "revenue",
    "shared_costs",
    "prompt_versions",
    "drift",
    "drift_acknowledgements",
    "drift_alarms",
    "replays",
    "judgements",
    "downgrade",
    "quality",
    "shutdowns",
    "prices",
    "meta",
)
# Relations with arguments, in the order in which they can be made: the queries of the commands themselves, and what
# the report computes of their rows. `select * from margin_total(timestamp '2026-11-01', timestamp '2026-12-01')`.
FIGURES: Final = {
    "customer_costs": "since, until",
    "customer_revenue": "since, until",
    "margin_shared": "since, until",
    "margin_names": "dimension, revenue_by, since, until",
    "margin_by_customer": "since, until",
    "margin_by_name": "dimension, since, until",
    "margin_total": "since, until, customers := null",
    "margin_over_time": "since, until, step_seconds, customers := null",
}
# What filters of the boards are written with: names as they are shown, and whether one is chosen.
NAMES: Final = {"shown_name": "name", "is_chosen": "name, chosen"}
_FIGURES: Final = Path(__file__).parent / "figures"
_PARAMETER: Final = re.compile(r"\$([a-z_]+)")


def is_shown(relation: str) -> bool:
    """True if the relation stands in the schema without content."""
    return relation in TABLES or relation in VIEWS


# The figure whose text says until when whole days are kept: a plan must know it to read only what is needed.
FOLLOWING: Final = "customer_costs"
_NEVER: Final = "1970-01-01 00:00:00"


def macros(kept_until: str | None = None) -> list[str]:
    """The statements that make every macro that views and figures stand on, and then the figures."""
    return [
        *(f"macro {name}{macro_sql(name)}" for name in MACROS),
        *(f"macro {name}({given}) as (\n{_figure_sql(name)}\n)" for name, given in NAMES.items()),
        *(figure(name, kept_until) for name in FIGURES),
    ]


def figure(name: str, kept_until: str | None) -> str:
    """The macro of one figure, behind `create`; `kept_until` is a moment as the store's meta has it."""
    text = _figure_sql(name).replace("{kept_until}", datetime.fromisoformat(kept_until or _NEVER).isoformat(sep=" "))
    return f"macro {name}({FIGURES[name]}) as table (\n{text}\n)"


def _figure_sql(name: str) -> str:
    own = _FIGURES / f"{name}.sql"
    # What a command asks with parameters is asked here with arguments of the same names.
    return own.read_text("utf-8") if own.is_file() else _PARAMETER.sub(r"\1", query_sql(name))
