"""`llmwatch judge`: asks a model how good kept answers of a task are, or which of two answers is better."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from ..figures.replays import load_pairs
from ..figures.stated import stated_today
from ..render import FORMATS
from ..settings import Settings
from .options import Format, Home, Output, Since, moment, now_utc, one_of, settings_for
from .reading import Reading, reading, write_report
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
    from ..analysis.report import Report
    from ..runs.engine import Ask, Outcome
    from ..runs.judge import JudgePlan


def judge(  # noqa: PLR0913, PLR0917 - each is an option
    task: Task,
    number: Annotated[int, typer.Option("--n", "-n", help="Answers or pairs wanted, judged ones included.")] = 60,
    max_usd: MaxUsd = "1",
    is_run: IsRun = False,
    model: Annotated[str, typer.Option("--model", help="The judge.")] = "gpt-6.1-terra",
    rubric: Annotated[
        Path | None,
        typer.Option("--rubric", help="A file with the rubric; else \\[rubrics] in llmwatch.toml.", show_default=False),
    ] = None,
    is_pairs: Annotated[bool, typer.Option("--pairs", help="Compare the pairs of llmwatch shadow; with --to.")] = False,
    candidate: Annotated[
        str | None, typer.Option("--to", help="The model of the pairs, with --pairs.", show_default=False)
    ] = None,
    since: Since = "30d",
    concurrency: Concurrency = 8,
    base_url: BaseUrl = None,
    retries_lost: RetryLost = False,
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Ask a model how good kept answers of a task are. Shows the plan and its cost; --run spends the money.

    Scores of a judge that nobody has checked are shown apart and raise no alarm; llmwatch review checks it.

    [dim]llmwatch judge --task reply.draft --n 60 --max-usd 1
    llmwatch judge --task reply.draft --pairs --to gpt-6-luna --run[/dim]
    """
    from ..runs.ask import asking, place_of
    from ..runs.judge import Wanted, plan_judge
    from ..runs.judge_report import plan_report
    from ..runs.ledger import one_run
    from ..runs.rubric import load_rubric

    one_of(format_name, FORMATS, "--format")
    if is_pairs != bool(candidate):
        raise UsageError("--pairs and --to belong together.", "--to names the model whose replays are compared.")
    settings = settings_for(home)
    with reading(settings) as store:
        stated = stated_today(store)
    now = now_utc(None)
    wanted = Wanted(
        task=task,
        model=model,
        count=whole(number, 1, 10_000, "--n"),
        max_usd=dollars(max_usd),
        since=moment(since, now, "--since"),
        until=now,
        place=place_of(base_url),
        rubric=load_rubric(stated, task, rubric, is_pair=is_pairs),
        candidate=candidate or "",
        retries_lost=retries_lost,
    )
    workers = whole(concurrency, 1, 64, "--concurrency")
    if not is_run:
        with reading(settings) as store:
            plan = plan_judge(store, wanted)
        command = again(
            ["judge", "--task", task, "--n", str(number), "--max-usd", max_usd, "--model", model]
            + (["--rubric", str(rubric)] if rubric else [])
            + (["--pairs", "--to", candidate] if candidate else [])
            + (["--since", since] if since != "30d" else [])
            + (["--base-url", base_url] if base_url else [])
        )
        write_report(plan_report(plan, workers, command, store.hindrances), format_name, output)
        return
    ask = asking(wanted.place)
    with one_run(settings, task):
        with reading(settings) as store:
            plan = plan_judge(store, wanted)
        outcome = _carry_out(store.settings, plan, ask, workers)
    with reading(settings) as store:
        report = _report(store, plan, outcome)
    write_report(report, format_name, output)
    if code := exit_code(outcome):
        raise typer.Exit(code)


def _carry_out(settings: Settings, plan: JudgePlan, ask: Ask, workers: int) -> Outcome:
    from ..runs.judge import new_run
    from ..runs.ledger import Ledger
    from ..spool import JUDGEMENT

    ledger = Ledger(settings, JUDGEMENT, "judgement_id")
    try:
        return carried_out(new_run(settings, plan, ask, ledger), workers, "judging")
    finally:
        ledger.close()


def _report(store: Reading, plan: JudgePlan, outcome: Outcome) -> Report:
    from ..runs.judge_report import outcome_report
    from ..runs.ledger import past_of

    wanted = plan.wanted
    series = {"task": wanted.task, "model": wanted.model, "rubric_hash": wanted.rubric.hash}
    past = past_of(store.rows("judgement_requests", **series))
    said: list[tuple[str, int]] = []
    mean: float | None = None
    if wanted.candidate:
        pairs = load_pairs(store, wanted.task, wanted.candidate)
        said = list(Counter(str(pair.judge) for pair in pairs if pair.judge is not None).items())
    else:
        mean = store.rows("judge_said", **series)[0]["mean_score"]
    return outcome_report(plan, outcome, said, mean, len(past.lost), store.hindrances)
