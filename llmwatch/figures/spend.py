"""Owns how the rows of the spend of a period are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..analysis.spend import Period, Spend
from ..errors import LlmwatchError
from ..store.configuration import in_force
from .reading import Reading


def load_spend(store: Reading, asked: Period, dimension: str, top: int, flags: str = "") -> Spend:
    """Everything the report is made from, in two scans of both periods and a few narrow ones."""
    here: dict[str, Any] = {"since": asked.since, "until": asked.until}
    both: dict[str, Any] = here | {"previous_since": asked.previous_since}
    ranked = store.rows("names_by", dimension=dimension, top=top, **both)
    names = [row["name"] for row in ranked]
    by = store.rows("spend_by", dimension=dimension, names=names, **both)
    speeds = store.rows("speed_by", dimension=dimension, names=names, **both)
    prices, age_days = price_table(store, asked)
    coverage = store.rows("coverage")[0]
    return Spend(
        period=asked,
        dimension=dimension,
        names=tuple(names),
        other_names=_left(ranked, "current_names", [row["is_current"] and row["name"] for row in ranked]),
        past_names=_left(ranked, "names", [True for _ in ranked]),
        is_nameless_left=any(row["current_rows"] > row["current_names"] for row in ranked)
        and not any(row["is_current"] and not row["name"] for row in ranked),
        by=joined(by, speeds),
        each=store.rows("spend_by_each", top=5, **both),
        over_time=store.rows("spend_over_time", step_seconds=int(asked.step.total_seconds()), **here),
        unpriced=load_unpriced(store, **here),
        defects=store.rows("defects", **here),
        events=store.rows("events", **here),
        first_call_at=coverage["first_call_at"],
        prices=prices,
        prices_age_days=age_days,
        configuration=configured(store),
        hindrances=store.hindrances,
        flags=flags,
    )


def load_unpriced(store: Reading, since: Any, until: Any) -> list[dict[str, Any]]:
    """Rows of query `unpriced`, each with the provider whose list would price it, if one line of settings said so."""
    rows = store.rows("unpriced", since=since, until=until)
    if not any(row["host"] and "no price" in str(row["reason"]) for row in rows):
        return rows
    # A quarter of a second of import, which only a report with such calls pays.
    from ..prices.gateways import with_providers

    said = store.settings
    try:
        return with_providers(rows, said.prices, said.price_file, said.hosts, until.date())
    except LlmwatchError:
        return rows


def _left(ranked: list[dict[str, Any]], counted: str, listed: Iterable[Any]) -> int:
    """Of the names that the query counted, how many are not among those listed."""
    return int(ranked[0][counted]) - sum(map(bool, listed)) if ranked else 0


def joined(by: list[dict[str, Any]], speeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of sums with the percentiles of the same period and name."""
    found = {(row["is_current"], row["is_total"], row["name"]): row for row in speeds}
    return [row | found.get((row["is_current"], row["is_total"], row["name"]), {}) for row in by]


def configured(store: Reading) -> str:
    """Path and day of the configuration in force; empty for the defaults."""
    ours = in_force(store.con)
    return "" if ours is None or ours.place is None else ours.named()


def price_table(store: Reading, asked: Period) -> tuple[str, int | None]:
    """Name of the prices that the store's costs were made with, and the age of their list at the period's end."""
    known = next(iter(store.rows("price_table")), {})
    try:
        name = known.get("list_version") or f"genai-prices {version('genai-prices')}"
    except PackageNotFoundError:
        name = "genai-prices"
    digest: str = known.get("digest", "")
    checked: date | None = known.get("verified_on")
    words = [name, *([f"of {checked}"] if checked else []), *([f"table {digest[:8]}"] if digest else [])]
    age = (asked.until.date() - checked).days if checked else None
    return " ".join(words), age
