"""`llmwatch simulate`: what moving a share of a task's calls would truly save, and whether a claim can be."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

import typer

from ..analysis.simulate import Routing, refusal, simulate_report, simulated
from ..analysis.spend import Period
from ..errors import UsageError
from ..figures.downgrade import load_option
from ..render import FORMATS
from .downgrade import near_task
from .options import AsOf, Format, Home, Output, Since, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write_report

_TIERS: Final = ("default", "flex", "batch", "priority")


def simulate(  # noqa: PLR0913, PLR0917 - each is an option of the command
    task: Annotated[str, typer.Option("--task", help="The task whose calls are routed.")],
    to: Annotated[str, typer.Option("--to", help="The model that they would go to.")],
    share: Annotated[str, typer.Option("--share", help="The share of its calls: .6 or 60%.")] = "1",
    escalate: Annotated[
        str, typer.Option("--escalate", help="The share of those that is asked again of the task's own model.")
    ] = "0",
    tier: Annotated[
        str | None, typer.Option("--tier", help="default, flex, batch or priority.", show_default=False)
    ] = None,
    claim: Annotated[
        str | None,
        typer.Option("--claim", help="A saving somebody claims, of the task's cost: .9 or 90%.", show_default=False),
    ] = None,
    since: Since = "30d",
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Naive and true saving of a move, every cause of their difference, and whether a claim can be.

    Exit code 1 if the claimed saving cannot be reached.

    [dim]llmwatch simulate --task reply.draft --to gpt-6-luna --share 60%
    llmwatch simulate --task reply.draft --to gpt-6-luna --share .8 --escalate .1 --claim .9[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    if tier is not None:
        one_of(tier, _TIERS, "--tier")
    routing = Routing(
        _share(share, "--share"), _share(escalate, "--escalate"), tier or "",
        None if claim is None else _share(claim, "--claim"),
    )  # fmt: skip
    asked = Period(*period(since, None, now_utc(as_of)))
    settings = settings_for(home)
    with reading(settings, known_at(as_of)) as store:
        one, tasks = load_option(store, asked, task, to, tier or "")
        hindrances = store.hindrances
    if one is None:
        raise UsageError(f"No chat call of task {task!r} is in this period.", near_task(task, tasks))
    write_report(simulate_report(one, routing, asked, hindrances), format_name, output)
    if refusal(routing, simulated(one, routing)):
        raise typer.Exit(1)


def _share(text: str, flag: str) -> Decimal:
    try:
        value = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation:
        value = Decimal(-1)
    value = value / 100 if text.strip().endswith("%") else value
    if not 0 <= value <= 1:
        raise UsageError(f"{flag} {text!r} is not a share.", "Give 0.6 or 60%.")
    return value
