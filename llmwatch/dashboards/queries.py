"""Owns listing every query that the dashboards and the alert rules ask, with the range that each is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from . import load_alerts, load_dashboards
from .expand import Chosen, Range, Values, expanded, interval_ms, seconds_of, with_variables

_POINTS: Final = 800


@dataclass(frozen=True, slots=True)
class Query:
    """One query as it stands in the JSON."""

    board: str
    # panel, variable, annotation or alert
    kind: str
    name: str
    sql: str
    # table or time_series
    format: str
    panel: Mapping[str, Any]

    def text(self, since: datetime, until: datetime, chosen: Values | None = None) -> str:
        """What Grafana would send for the range; `chosen` are values of variables, all others are at their defaults."""
        span = self.panel.get("timeFrom")
        begin = until - timedelta(seconds=seconds_of(span)) if span else since
        points = int(self.panel.get("maxDataPoints", _POINTS))
        when = Range(begin, until, interval_ms(begin, until, points, str(self.panel.get("interval", "1ms"))))
        return expanded(with_variables(self.sql, self.variables(chosen or {})), when)

    def variables(self, chosen: Values) -> dict[str, Chosen]:
        """What each variable of the board stands for; those that are not chosen are at their defaults."""
        found: dict[str, Chosen] = {}
        for variable in self.panel.get("variables", ()):
            name = variable["name"]
            is_quoted = bool(variable.get("multi") or variable.get("includeAll"))
            if name in chosen:
                found[name] = Chosen(chosen[name], is_quoted)
            elif variable.get("includeAll") and variable.get("allValue"):
                found[name] = Chosen(variable["allValue"], is_text=True)
            else:
                found[name] = Chosen(variable["current"]["value"], is_quoted)
        return found


def queries() -> Iterator[Query]:
    """Every query of every board in the order of the boards, and of every alert rule."""
    for board, model in load_dashboards().items():
        yield from board_queries(board, model)
    for group in load_alerts()["groups"]:
        for rule in group["rules"]:
            asked = [part["model"]["rawSql"] for part in rule["data"] if "rawSql" in part["model"]]
            yield from (Query("alerts", "alert", rule["title"], sql, "table", {}) for sql in asked)


def board_queries(board: str, model: Mapping[str, Any]) -> Iterator[Query]:
    """Every query of one board: of its variables, its annotations, its panels."""
    variables = model["templating"]["list"]
    given = {"variables": variables}
    for variable in variables:
        if variable["type"] == "query":
            yield Query(board, "variable", variable["name"], variable["query"], "table", given)
    for annotation in model["annotations"]["list"]:
        yield Query(board, "annotation", annotation["name"], annotation["target"]["rawSql"], "table", given)
    for panel in model["panels"]:
        name = f"{panel['id']} {panel['title']}".strip()
        for target in panel.get("targets", ()):
            yield Query(board, "panel", name, target["rawSql"], target["format"], {**panel, **given})
