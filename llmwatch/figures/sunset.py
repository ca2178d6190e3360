"""Owns how the models in use meet the dates on which models stop answering."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from ..analysis.margin import Margin
from ..analysis.spend import Period
from ..analysis.sunset import Sunset, sunset_of
from ..prices.models import checked_on, shutdown_on
from .margin import load_margin
from .reading import Reading


def load_sunset(store: Reading, asked: Period, margin: Margin | None = None) -> Sunset:
    """Models in use with a shutdown date; `margin` of the same period, if it is at hand, is not asked for again."""
    here = {"since": asked.since, "until": asked.until}
    rows = store.rows("sunset", **here)
    for row in rows:
        row["spend_usd"] = None if row["spend_usd"] is None else Decimal(row["spend_usd"])
    found = {model: shutdown_on(model) for model in sorted({str(row["model"]) for row in rows if row["model"]})}
    shutdowns = {model: on for model, on in found.items() if on is not None}
    return sunset_of(
        margin or load_margin(store, asked), rows, store.rows("sunset_tasks", **here), shutdowns, checked_on()
    )


def load_shutdowns(store: Reading) -> dict[str, date]:
    """Every model that any call of the store was answered by, with the date on which it stops, where one is known."""
    found = store.con.execute("select distinct coalesce(response_model, request_model) from calls").fetchall()
    dates = {str(model): shutdown_on(str(model)) for (model,) in found if model}
    return {model: on for model, on in sorted(dates.items()) if on is not None}


def keep_shutdowns(con: Any, found: dict[str, date]) -> None:
    """The table `shutdowns` holds these dates; `con` is open for writing."""
    con.execute("delete from shutdowns")
    for model, on in found.items():
        con.execute(
            "insert into shutdowns values ($model, $on, $checked)", {"model": model, "on": on, "checked": checked_on()}
        )
