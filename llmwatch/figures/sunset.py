"""Owns how the models in use meet the dates on which models stop answering."""

from __future__ import annotations

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
    found = {model: shutdown_on(model) for model in sorted({str(row["model"]) for row in rows if row["model"]})}
    shutdowns = {model: on for model, on in found.items() if on is not None}
    return sunset_of(
        margin or load_margin(store, asked), rows, store.rows("sunset_tasks", **here), shutdowns, checked_on()
    )
