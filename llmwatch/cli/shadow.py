"""`llmwatch shadow`: sends kept inputs of a task to a cheaper model, to learn whether its answers are as good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..figures.replays import load_replays
from ..render import FORMATS
from ..settings import Settings
from .options import Format, Home, Output, Since, moment, now_utc, one_of, settings_for
from .reading import reading, write_report
from .spending import (
    BaseUrl,
    Concurrency,
    IsRun,
    MaxUsd,
    RetryLost,
    Task,
    again,
    carried_out,
    dollars,
    exit_code,
    whole,
)

if TYPE_CHECKING:
    from ..runs.engine import Ask, Outcome
    from ..runs.shadow import ShadowPlan


def shadow(  # noqa: PLR0913, PLR0917 - an option is a parameter
    task: Task,
    model: Annotated[str, typer.Option("--to", help="The model to try.")],
    number: Annotated[int, typer.Option("--n", "-n", help="Pairs wanted in all, earlier runs included.")] = 400,
    max_usd: MaxUsd = "1",
    is_run: IsRun = False,
    since: Since = "30d",
    concurrency: Concurrency = 8,
    base_url: BaseUrl = None,
    retries_lost: RetryLost = False,
    effort: Annotated[
        str | None,
        typer.Option("--effort", help="Ask for this reasoning effort: none, minimal, low...", show_default=False),
    ] = None,
    goes_on: Annotated[
        bool, typer.Option("--go-on", help="Also after the proof, where so many swaps are tested that it takes more.")
    ] = False,
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Replay kept inputs of a task on a cheaper model. Shows the plan and its cost; --run spends the money.

    Goes on where an earlier run ended, pays for no pair twice, and stops as soon as the answer is decided.

    [dim]llmwatch shadow --task reply.draft --to gpt-6-luna
    llmwatch shadow --task reply.draft --to gpt-6-luna --n 400 --max-usd 0.50 --run[/dim]
    """
    from ..runs.adapt import EFFORTS
    from ..runs.ask import asking, place_of
    from ..runs.ledger import one_run, past_of
    from ..runs.shadow import Wanted, plan_shadow
    from ..runs.shadow_report import outcome_report, plan_report

    one_of(format_name, FORMATS, "--format")
    if effort is not None:
        one_of(effort, EFFORTS, "--effort")
    now = now_utc(None)
    wanted = Wanted(
        task=task,
        model=model,
        count=whole(number, 1, 10_000, "--n"),
        max_usd=dollars(max_usd),
        since=moment(since, now, "--since"),
        until=now,
        place=place_of(base_url),
        retries_lost=retries_lost,
        effort=effort or "",
        goes_on=goes_on,
    )
    workers = whole(concurrency, 1, 64, "--concurrency")
    settings = settings_for(home)
    if not is_run:
        with reading(settings) as store:
            plan = plan_shadow(store, wanted)
        command = again(
            ["shadow", "--task", task, "--to", model, "--n", str(number), "--max-usd", max_usd]
            + (["--since", since] if since != "30d" else [])
            + (["--base-url", base_url] if base_url else [])
            + (["--effort", effort] if effort else [])
            + (["--go-on"] if goes_on else [])
        )
        write_report(plan_report(plan, workers, command, store.hindrances), format_name, output)
        return
    ask = asking(wanted.place)
    with one_run(settings, task):
        with reading(settings) as store:
            plan = plan_shadow(store, wanted)
        outcome = _carry_out(store.settings, plan, ask, workers)
    with reading(settings) as store:
        past = past_of(store.rows("replay_requests", task=task, model=model))
        replays = load_replays(store, task, model, wanted.effort)
        report = outcome_report(plan, outcome, replays, len(past.lost), store.hindrances)
    write_report(report, format_name, output)
    if code := exit_code(outcome):
        raise typer.Exit(code)


def _carry_out(settings: Settings, plan: ShadowPlan, ask: Ask, workers: int) -> Outcome:
    from ..runs.ledger import Ledger
    from ..runs.shadow import new_run
    from ..spool import REPLAY

    ledger = Ledger(settings, REPLAY, "replay_id")
    try:
        return carried_out(new_run(settings, plan, ask, ledger), workers, "replaying")
    finally:
        ledger.close()
