"""Owns the words of a whole swap: its sentence, why a model is no candidate, the command that settles what is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Final

from ..pasted import command, literal
from .candidates import PAYBACK_DAYS, Excluded, Why
from .counterfactual import Cause
from .downgrade import AUDIT_BATCH, STAKES
from .downgrade_wording import Swap, verdict_text
from .option import Option
from .traffic import MONTH_DAYS, Use

CAUSES: Final[Mapping[Cause, str]] = {
    "image_tokens": "images count differently",
    "search_tokens": "blocks of input for web searches",
    "input_tokens": "input counts differently",
    "long_context": "inputs above the long-context threshold",
    "cold_cache": "cold cache on the first day",
    "cache_writes": "cache writes",
    "output_tokens": "length of answers",
    "reasoning": "hidden reasoning",
    "retries": "retries",
    "fallbacks": "requests it refuses, asked again of the incumbent",
}
_WHYS: Final[Mapping[Why, str]] = {
    "same": "is the task's own model",
    "dies": "stops answering on {on}, {detail}, before a move pays back",
    "dead": "stopped answering on {on}",
    "unreleased": "is released on {on}",
    "lacks": "lacks {detail}",
    "too_small": "is too small: {detail}",
    "no_tier": "has no price at the tier these calls use ({detail})",
    "unpriced": "has no price for these calls",
    "unbilled": "no call of the task has a price to compare with",
    "not_cheaper": "is not cheaper for these calls",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to run or to write next, and what it costs at most; empty where nothing is left to do."""

    command: str = ""
    words: str = ""
    cost_usd: Decimal | None = None


def next_step(one: Option) -> Step:
    """The command that would settle an open question, to paste."""
    decider = one.verdict.decider
    task, model = one.use.task, one.model.name
    if decider is None:
        return Step()
    if decider.what == "replay":
        total = one.verdict.replays + decider.count
        replays = command("shadow", task=task, to=model, n=total, go_on=one.verdict.reason == "many")
        return Step(replays, _when(one.use, total), decider.cost_usd)
    if decider.what == "review":
        batches = -(-(one.verdict.audits + decider.count) // AUDIT_BATCH)
        reviews = command("review", pairs=True, task=task, to=model, batches=batches if batches > 1 else None)
        return Step(reviews, "To decide, 10 to 30 minutes:", Decimal(0))
    if decider.what == "accept":
        name = next((s.name for s in STAKES.values() if s.margin == decider.margin), "low")
        return Step(f'[stakes]\n{literal(task)} = "{name}"', "If that loss is acceptable, in llmwatch.toml:")
    return Step()


def _when(use: Use, replays: int) -> str:
    """The words before the command: at once, or as so many inputs come."""
    month = use.calls_month
    if replays <= month or not month:
        return "Its plan, which costs nothing:"
    days = ceil(replays * MONTH_DAYS / month)
    return (
        f"So many calls of it come in about {days:,} days (about {month:,} a month); a run may be repeated as they do."
        " Its plan, which costs nothing:"
    )


def sentence(one: Option) -> str:
    """The verdict in words, heading first."""
    return verdict_text(one.verdict, swap_of(one))


def swap_of(one: Option) -> Swap:
    """What the words of the verdict are about."""
    trial = one.trial
    is_step = one.use.is_agent_step if trial is None or not trial.pairs else trial.is_agent_step
    return Swap(
        task=one.use.task,
        incumbent=one.use.incumbent,
        candidate=one.model.name,
        saving=one.saving,
        speed=None if trial is None else trial.speed,
        test_usd=None if trial is None else trial.test_usd,
        is_step_of_agent=is_step,
        first_token=None if trial is None else trial.first_token_speed,
        ending=_ending(one),
        hindrance=hindrance_words(one.excluded),
        naive_usd=one.naive_saving_usd,
        estimated_usd=one.estimated_saving_usd,
        spend_usd=one.use.spend_month_usd,
        image_tokens=_image_tokens(one),
        causes=tuple((CAUSES[part.cause], part.usd) for part in one.parts),
        unknown=one.unknown,
        bad_answer_usd=one.bad_answer_usd,
        net_usd=one.net_usd,
        cascade=one.cascade,
    )


def _image_tokens(one: Option) -> tuple[int, int] | None:
    """What an image of the task counts, on average, on the candidate and on the incumbent; None without images."""
    images = sum(each.traffic.images for each in one.use.slices)
    tiles = sum(each.traffic.image_tiles for each in one.use.slices)
    new, old = one.model.image_tokens, one.use.current.image_tokens
    if not images or new is None or old is None:
        return None
    return round(new.of(images, tiles) / images), round(old.of(images, tiles) / images)


def _ending(one: Option) -> str:
    """Staying is no choice where the incumbent goes; a move of everything says nothing of it."""
    stops = one.use.current.shutdown_on
    stays = one.verdict.kind == "keep" or (one.verdict.is_move and one.verdict.exclusions)
    if not stays or stops is None or stops > one.as_of + timedelta(days=PAYBACK_DAYS):
        return ""
    return f"stops answering on {stops}, so another model must be found: llmwatch sunset"


def hindrance_words(excluded: Excluded | None) -> str:
    """Why the model is no candidate, as the end of a sentence."""
    if excluded is None:
        return ""
    return _WHYS[excluded.why].format(on=excluded.on, detail=excluded.detail)
