"""Owns the exact change that a verdict asks for: where, which model and parameters, how to watch it."""

from __future__ import annotations

import shlex

from .option import Option


def change(one: Option) -> tuple[str, ...]:
    """The steps of the move, one line each; what a move would need, where the verdict is open."""
    return (*_edit(one), *_parameters(one), *_stays(one), *_watch(one))


def _edit(one: Option) -> tuple[str, ...]:
    use = one.use
    tag = f'tagged llmwatch.task("{use.task}")' if use.is_tagged else f"of task {use.task}"
    place = f"In {use.call_site}, the calls {tag}" if use.call_site else f"In the calls {tag}"
    return (f'{place}: model="{use.request_model}" becomes model="{one.model.name}".',)


def _parameters(one: Option) -> tuple[str, ...]:
    """What the replays had to change, else what is known of the model's requests."""
    adapted = () if one.trial is None else one.trial.adapted
    done = tuple(_adapted(note) for note in adapted)
    rules = one.model.conditions_for(_left(one, adapted))
    tiers = one.use.needs.tiers - {"default"}
    kept = tuple(f"Leave {_tier(tier)} as it is: the saving is at that price." for tier in sorted(tiers))
    return (*done, *(f"{rule[0].upper()}{rule[1:]}." for rule in rules), *kept)


def _left(one: Option, adapted: tuple[str, ...]) -> frozenset[str]:
    """What the requests carry and no replay has shown to work; after a replay its parameters are what was measured."""
    carried = set(one.use.carried)
    if one.trial is not None and one.trial.pairs:
        carried -= {"sampling", "max_tokens", "tools"}
        carried.discard("no_effort")
    elif adapted:
        carried.discard("max_tokens")
    return frozenset(carried)


def _adapted(note: str) -> str:
    if note.startswith("without "):
        return f"Leave out {note.removeprefix('without ')}: the replays were made without it."
    old, _, new = note.partition(" as ")
    return f"Rename {old} to {new}." if new else f"As in the replays: {note}."


def _tier(tier: str) -> str:
    return "the batch API" if tier == "batch" else f'service_tier="{tier}"'


def _stays(one: Option) -> tuple[str, ...]:
    names = [exclusion.stratum or "inputs of no stratum" for exclusion in one.verdict.exclusions]
    return (f"Keep {one.use.request_model} for {' and '.join(names)}.",) if names else ()


def _watch(one: Option) -> tuple[str, ...]:
    if one.verdict.kind != "move":
        return ()
    return (f"Afterwards watch: llmwatch drift --task {quoted(one.use.task)}, each week for two months.",)


def quoted(name: str) -> str:
    """The name as one word of a shell."""
    return shlex.quote(name)
