"""Owns what a task asks of a model: the calls of a period on one model, in slices that are billed alike.

Counts come from the whole traffic; only the size of images is worked out, where tokens and text allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from ..prices.models import Model
from .candidates import Needs
from .counterfactual import Slice, Traffic

MONTH_DAYS: Final = Decimal("30.4375")
# Models with less of a task's spend than this are traces of something else.
_LEAST_SHARE: Final = Decimal("0.05")
_CHARACTERS_A_TOKEN: Final = 4
# More calls with tools than this in one trace: the model acts on what its tools answered.
_STEPS_A_TRACE: Final = 1.5
_TIERS: Final[Mapping[str, str]] = {"auto": "default", "standard": "default", "": "default", "fast": "priority"}

# The catalogue at the prices of (tier, is batch, host), by name.
Catalogue = Callable[[str, bool, str], Mapping[str, Model]]


@dataclass(frozen=True, slots=True)
class Use:
    """One task on one model over a period of `months`; money and counts are of the period, not of a month."""

    task: str
    # By its name in the catalogue where it has one, else as calls report it; `reported` is how they do.
    incumbent: str
    reported: str
    current: Model
    calls: int
    unpriced_calls: int
    # None if no call has a price.
    spend_usd: Decimal | None
    months: Decimal
    needs: Needs
    slices: tuple[Slice, ...]
    # How the code names the model, and where the calls are made.
    request_model: str
    call_site: str
    is_tagged: bool
    # What its requests carry that some models mind: tools, max_tokens, sampling, no_effort.
    carried: frozenset[str]
    is_agent_step: bool
    has_estimated_images: bool
    has_media: bool
    # What the code calls the task, where that is not its name of today.
    tags: tuple[str, ...] = ()
    # The days that the figures of a month are made from, where it began inside the period; None: all of the period.
    days: int | None = None
    # Where it has ended or moved to another model: its last call.
    ended_at: datetime | None = None
    # The names by which its calls report the model.
    names: frozenset[str] = frozenset()

    @property
    def spend_month_usd(self) -> Decimal | None:
        """The spend of a month at the pace of the period."""
        return None if self.spend_usd is None else self.spend_usd / self.months

    @property
    def calls_month(self) -> int:
        """The calls of a month at the pace of the period."""
        return round(self.calls / self.months)

    @property
    def traffic(self) -> Traffic:
        """The slice of most calls."""
        return max((s.traffic for s in self.slices), key=lambda t: t.calls)


def uses(rows: Iterable[Mapping[str, Any]], catalogue: Catalogue, months: Decimal) -> list[Use]:
    """Every task with every model that has 5 % of its spend or more; the dearest first. `rows`: downgrade_traffic."""
    names = _canonical(catalogue("default", False, ""))
    found: list[Use] = []
    for task, of_task in groupby(rows, key=lambda row: str(row["task_name"])):
        by_model: dict[str, list[Mapping[str, Any]]] = {}
        for row in of_task:
            name = str(row["model"])
            by_model.setdefault(names.get(name, name), []).append(row)
        whole = sum((_money(rows) for rows in by_model.values()), Decimal(0))
        for model, of_model in by_model.items():
            if model and (_money(of_model) >= whole * _LEAST_SHARE):
                found.append(_use(task, model, of_model, catalogue, months))
    found.sort(key=lambda use: (use.spend_usd is None, -(use.spend_usd or 0), -use.calls, use.task, use.incumbent))
    return found


def _canonical(models: Mapping[str, Model]) -> dict[str, str]:
    return {name: model.name for model in models.values() for name in (model.name, *model.snapshots)}


def _money(rows: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((row["cost_usd"] or Decimal(0) for row in rows), Decimal(0))


def _use(task: str, name: str, rows: Sequence[Mapping[str, Any]], catalogue: Catalogue, months: Decimal) -> Use:
    current = catalogue("default", False, "").get(name, Model(name))
    main = max(rows, key=lambda row: row["calls"])
    priced = [row for row in rows if row["cost_usd"] is not None]
    slices = tuple(
        Slice(_traffic(row, current, months), catalogue(_tier(row), row["is_batch"], row["server_address"]))
        for row in priced
    )
    return Use(
        task=task,
        incumbent=name,
        reported=main["model"],
        names=frozenset(str(row["model"]) for row in rows),
        current=current,
        calls=_total(rows, "calls"),
        unpriced_calls=max(_total(rows, "calls") - _total(rows, "priced_calls"), 0),
        spend_usd=_money(priced) if priced else None,
        months=months,
        needs=_needs(rows),
        slices=slices,
        request_model=main["request_model"] or main["model"],
        call_site=main["call_site"] or "",
        is_tagged=main["task_source"] in ("tag", "header", "metadata", "field"),
        carried=_carried(rows),
        is_agent_step=_is_agent_step(rows),
        has_estimated_images=any(_images(row) for row in rows) and current.image_tokens is not None,
        has_media=bool(_total(rows, "media")),
    )


def _total(rows: Iterable[Mapping[str, Any]], key: str) -> int:
    return sum(int(row[key] or 0) for row in rows)


def _largest(rows: Iterable[Mapping[str, Any]], key: str) -> int:
    return max(int(row[key] or 0) for row in rows)


def _tier(row: Mapping[str, Any]) -> str:
    tier = str(row["service_tier"])
    return _TIERS.get(tier, tier)


def _images(row: Mapping[str, Any]) -> int:
    return 0 if row["audio_input_tokens"] else int(row["media"] or 0)


def _traffic(row: Mapping[str, Any], current: Model, months: Decimal) -> Traffic:
    written = int(row["cache_write_tokens"] or 0)
    cached = int(row["cached_input_tokens"] or 0)
    return Traffic(
        calls=int(row["calls"]),
        input_tokens=int(row["input_tokens"] or 0),
        output_tokens=int(row["output_tokens"] or 0),
        cost_usd=row["cost_usd"],
        cached_input_tokens=cached,
        images=_images(row),
        image_tiles=_tiles(row, current),
        web_searches=int(row["web_searches"] or 0),
        # An incumbent that charges for writes says what could be cached.
        cacheable_tokens=cached + written if written else max(int(row["cacheable_tokens"] or 0), cached),
        long_lived_share=int(row["cache_write_12h_tokens"] or 0) / written if written else 0.0,
        is_long=row["is_long"],
        # The first day of a month begins with nothing in the cache.
        cold_share=float(1 / MONTH_DAYS),
        answered=int(row["answered"]),
    )


def _tiles(row: Mapping[str, Any], current: Model) -> int:
    """Tiles of all images, from the input tokens that neither the text nor the images' base explains."""
    images = _images(row)
    if not images or current.image_tokens is None:
        return 0
    text = int(row["media_characters"] or 0) / _CHARACTERS_A_TOKEN
    left = int(row["media_input_tokens"] or 0) - text - images * current.image_tokens.base
    return max(round(left / current.image_tokens.tile), 0)


def _needs(rows: Sequence[Mapping[str, Any]]) -> Needs:
    has_audio = bool(_total(rows, "audio_input_tokens"))
    has_image = any(_images(row) for row in rows)
    takes = {"text", *(["audio"] if has_audio else []), *(["image"] if has_image else [])}
    kinds = {"audio": "audio_output_tokens", "image": "image_output_tokens"}
    gives = {"text", *(kind for kind, key in kinds.items() if _total(rows, key))}
    return Needs(
        input_modalities=frozenset(takes),
        output_modalities=frozenset(gives),
        has_tools=bool(_total(rows, "tool_offered")),
        has_structured_output=bool(_total(rows, "with_schema")),
        max_input_tokens=_largest(rows, "max_input_tokens"),
        max_output_tokens=_largest(rows, "max_output_tokens"),
        tiers=frozenset("batch" if row["is_batch"] else _tier(row) for row in rows),
        endpoint="responses" if any("responses" in (row["endpoint"] or "") for row in rows) else "chat",
    )


def _carried(rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    is_chat = all("responses" not in (row["endpoint"] or "") for row in rows)
    carried = {
        "tools": is_chat and bool(_total(rows, "tool_offered")),
        "max_tokens": is_chat and bool(_total(rows, "with_max_tokens")),
        "sampling": bool(_total(rows, "with_sampling")),
        "no_effort": not any(row["reasoning_level"] for row in rows),
    }
    return frozenset(name for name, is_carried in carried.items() if is_carried)


def _is_agent_step(rows: Sequence[Mapping[str, Any]]) -> bool:
    offered, traces = _total(rows, "tool_offered"), _total(rows, "tool_traces")
    is_stepped = traces > 0 and offered / traces >= _STEPS_A_TRACE
    return bool(offered) and (is_stepped or _total(rows, "continued") > 0)
