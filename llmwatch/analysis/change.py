"""Owns the exact change that a verdict asks for: where, which model and parameters, how to watch it."""

from __future__ import annotations

from typing import Final

from ..pasted import command, literal
from .option import Option
from .stratum import stratum_words
from .trial import measured

# Less hidden reasoning than this share of the output changes no bill.
_MUCH_THINKING: Final = 0.05


def change(one: Option) -> tuple[str, ...]:
    """The steps of the move, one line each; what a move would need, where the verdict is open."""
    return (*_edit(one), *_parameters(one), *_thinking(one), *_stays(one), *_watch(one))


def _edit(one: Option) -> tuple[str, ...]:
    use = one.use
    tagged = " and ".join(f"llmwatch.task({literal(name)})" for name in use.tags or (use.task,))
    tag = f"tagged {tagged}" if use.is_tagged else f"of task {use.task}"
    place = f"In {use.call_site}, the calls {tag}" if use.call_site else f"In the calls {tag}"
    return (f"{place}: model={literal(use.request_model)} becomes model={literal(one.model.name)}.",)


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
    """The step that a replay took, as the code must take it; the notes are those of `runs.adapt`."""
    if note.endswith(_LEFT_OUT):
        return f"Leave out {note.removesuffix(_LEFT_OUT)} (the replays were made without it)."
    name, effort, level = note.partition(" is set to ")
    if effort:
        return f'Set {name}="{level}" (in Responses, reasoning={{"effort": "{level}"}}); the replays were made with it.'
    old, _, new = note.partition(" is sent as ")
    return f"Rename {old} to {new}." if new else f"As in the replays: {note}."


_LEFT_OUT: Final = " is left out"


def _thinking(one: Option) -> tuple[str, ...]:
    measure = without_thinking(one)
    if not measure or one.trial is None:
        return ()
    share = measured(one.trial).reasoning_share
    return (
        f'{share:.0%} of its output was hidden reasoning. reasoning_effort="none" turns that off; how good its answers'
        f" are then, this tells: {measure}",
    )


def without_thinking(one: Option) -> str:
    """The command that measures the model without its hidden reasoning; empty where it has none or cannot stop."""
    trial = one.trial
    if trial is None or not one.model.can_stop_thinking or any("effort" in note for note in trial.adapted):
        return ""
    if "no_effort" not in one.use.carried or measured(trial).reasoning_share < _MUCH_THINKING:
        return ""
    return command("shadow", task=one.use.task, to=one.model.name, effort="none")


def _tier(tier: str) -> str:
    return "the batch API" if tier == "batch" else f'service_tier="{tier}"'


def _stays(one: Option) -> tuple[str, ...]:
    names = [stratum_words(exclusion.stratum) for exclusion in one.verdict.exclusions]
    return (f"Keep {one.use.request_model} for {' and '.join(names)}.",) if names else ()


def _watch(one: Option) -> tuple[str, ...]:
    if one.verdict.kind != "move":
        return ()
    return (f"Each week for two months, watch: {command('drift', task=one.use.task)}",)
