"""Owns what the settings state of tasks, by the names that tasks have today: stakes, prices of bad answers, rubrics.

A task keeps what was stated of it under a former name. Of tasks that users made one, the strictest counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..errors import UsageError
from ..settings import CHOICES, Settings
from ..store.task_edits import TaskEdit, carried_over, load_edits
from .reading import Reading

_STAKES: Final = CHOICES["stakes"]


def stated_today(reading: Reading) -> Settings:
    """The settings with today's names of tasks; UsageError where a merged task has two rubrics."""
    settings = reading.settings
    if not (settings.stakes or settings.bad_answer_usd or settings.rubrics):
        return settings
    edits = load_edits(reading.con)
    stakes = carried_over(edits, settings.stakes)
    dollars = carried_over(edits, settings.bad_answer_usd)
    return replace(
        settings,
        stakes={task: max(found, key=_STAKES.index) for task, found in stakes.items()},
        bad_answer_usd={task: max(found) for task, found in dollars.items()},
        rubrics=_rubrics(edits, settings),
    )


def _rubrics(edits: list[TaskEdit], settings: Settings) -> Mapping[str, Mapping[str, str]]:
    found = carried_over(edits, settings.rubrics)
    return {task: settings.rubrics.get(task) or _only(task, rubrics) for task, rubrics in found.items()}


def _only(task: str, rubrics: list[Mapping[str, str]]) -> Mapping[str, Any]:
    if any(rubric != rubrics[0] for rubric in rubrics):
        raise UsageError(
            f"The task {task!r} was made of tasks with different rubrics.", f"Give it one: [rubrics] {task!r} = ..."
        )
    return rubrics[0]
