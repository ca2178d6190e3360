"""`llmwatch review`: people read a sample of answers, or two answers side by side, and say what they are worth."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from ..analysis.downgrade import AUDIT_BATCH
from ..analysis.report import counted
from ..analysis.review import FLOOR, RATE
from ..errors import UsageError
from ..figures.reading import Reading
from ..figures.review import (
    WEEK,
    Pairs,
    Sample,
    last_week,
    load_answers,
    load_pair_answers,
    load_pair_items,
    load_sample,
    monday,
    unfinished,
)
from ..figures.score_files import new_records, read_rows
from ..figures.scoring import Scoring
from ..pasted import command
from ..render.inert import one_line
from ..settings import Settings
from .options import AsOf, Home, moment, now_utc, settings_for
from .reading import reading, write
from .review_files import answer_records, answers_csv, is_of_pairs, pair_records, pairs_csv
from .review_screen import Done, Keyboard, Screen, single_keys

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

# How far back an imported file's calls and pairs are looked for.
_MOST_BATCHES: Final = 40
DAY: Final = timedelta(days=1)
By = Annotated[str | None, typer.Option("--by", help="Who reviews. Default: the user.", show_default=False)]


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers or pairs that are asked for."""

    settings: Settings
    now: datetime
    task: str | None = None
    since: datetime | None = None
    rate: float = RATE
    floor: int = FLOOR
    audits: int = AUDIT_BATCH


@app.callback()
def review(  # noqa: PLR0913, PLR0917 - each is an option of the command
    context: typer.Context,
    task: Annotated[str | None, typer.Option("--task", help="This task alone.", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", "-s", help="Every week from this day's on. Default: the last whole week.", show_default=False
        ),
    ] = None,
    rate: Annotated[float, typer.Option("--rate", help="Share of the answers whose content was kept.")] = RATE,
    floor: Annotated[int, typer.Option("--floor", help="At least this many of a task and week.")] = FLOOR,
    audits: Annotated[
        int, typer.Option("--audits", help="Of a task whose judge nobody has checked: so many; 0: none.")
    ] = AUDIT_BATCH,
    is_pairs: Annotated[
        bool, typer.Option("--pairs", help="Compare replayed answers with the stored ones, blind.")
    ] = False,
    to: Annotated[str | None, typer.Option("--to", help="With --pairs: this model's.", show_default=False)] = None,
    batches: Annotated[int, typer.Option("--batches", help="With --pairs: so many times 40 pairs in all.")] = 1,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write them to this file, to be filled in.", show_default=False)
    ] = None,
    by: By = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Read the week's sample and say which answers are acceptable; every key is saved at once.

    The sample is 1 % of the answers whose content was kept, at least 5 a task, the same for everybody who asks. Where a
    judge scored answers and nobody has checked it, answers it scored come first.

    [dim]llmwatch review
    llmwatch review --pairs --task ticket.classify
    llmwatch review --csv week.csv
    llmwatch review import week.csv[/dim]
    """
    if context.invoked_subcommand is not None:
        context.obj = home
        return
    if not 0 < rate <= 1 or floor < 0 or audits < 0 or not 1 <= batches <= _MOST_BATCHES:
        raise UsageError("--rate lies above 0 and up to 1; --floor and --audits from 0; --batches from 1 to 40.")
    now = now_utc(as_of)
    start = None if since is None else monday(moment(since, now, "--since"))
    asked = Asked(settings_for(home), now, task, start, rate, floor, audits)
    if csv is not None and csv.exists():
        raise UsageError(f"{csv} exists already and may be filled in.", "Name another file.")
    if is_pairs:
        _review_pairs(asked, to, batches, csv, by)
        return
    if to is not None:
        raise UsageError("--to goes with --pairs.")
    _review_answers(asked, csv, by)


def _review_answers(asked: Asked, csv: Path | None, by: str | None) -> None:
    # The store is closed before a person begins to read, for nobody could merge into it meanwhile.
    with reading(asked.settings) as store:
        sample = sample_of(store, asked)
        items = load_answers(store, unfinished(sample.items))
    _say(_sample_words(sample))
    if csv is not None:
        write(answers_csv(items), csv)
        _say(_file_words(csv, counted(len(items), "answer"), "acceptable (yes or no) or grade (1 to 5)"))
    elif items:
        with single_keys(), Scoring(asked.settings) as scoring:
            done = Screen(scoring, _scorer(by), Keyboard(), _shown).review(items)
        _say(_done_words(done, len(items)))


def _review_pairs(asked: Asked, model: str | None, batches: int, csv: Path | None, by: str | None) -> None:
    with reading(asked.settings) as store:
        pairs = load_pair_items(store, asked.task, model, batches)
        items = load_pair_answers(store, [item for item in pairs.items if not item.is_done])
    _say(_pairs_words(pairs, batches))
    if csv is not None:
        write(pairs_csv(items), csv)
        _say(_file_words(csv, counted(len(items), "pair"), "better (left, right, same or both bad)"))
    elif items:
        with single_keys(), Scoring(asked.settings) as scoring:
            done = Screen(scoring, _scorer(by), Keyboard(), _shown).compare(items)
        _say(_done_words(done, len(items)))


def sample_of(store: Reading, asked: Asked) -> Sample:
    """The sample of the weeks asked for; of the last whole week, or of the week in progress if it is the first."""

    def drawn(since: datetime, until: datetime) -> Sample:
        return load_sample(
            store, since, until, asked.task, rate=asked.rate, floor=asked.floor, audits=asked.audits
        )  # fmt: skip

    if asked.since is not None:
        return drawn(asked.since, asked.now)
    week = last_week(asked.now)
    sample = drawn(week, week + WEEK)
    return sample if sample.items else drawn(week, asked.now)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `review --csv` that was filled in.")],
    by: By = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="Sheet of a workbook.", show_default=False)] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Encoding of a CSV that is not Unicode.", show_default=False)
    ] = None,
    home: Home = None,
) -> None:
    """Take in a filled file; doing so twice changes nothing, a corrected file replaces what it said before.

    [dim]llmwatch review import week.csv --by anna[/dim]
    """
    rows = read_rows(file, sheet=sheet, encoding=encoding)
    settings, scorer = settings_for(home or context.obj), _scorer(by)
    with reading(settings) as store, Scoring(settings) as scoring:
        if is_of_pairs(rows):
            items = load_pair_items(store, None, None, _MOST_BATCHES).items
            records = pair_records(rows, items, scorer, scoring.now_us)
        else:
            named = store.rows("calls_named", names=[row["call"] for _, row in rows.rows])
            records = answer_records(rows, {row["span_id"]: row["task"] for row in named}, scorer, scoring.now_us)
        fresh = list(new_records(store, records))
        for record in fresh:
            scoring.keep(record)
    left = len(rows.rows) - len(records)
    sys.stdout.write(f"{len(fresh)} saved, {len(records) - len(fresh)} known already, {left} not filled in.\n")


def _file_words(path: Path, what: str, columns: str) -> list[str]:
    return [f"Written to {path}: {what}. Fill in {columns}, then:", command("review", "import", path)]


def _sample_words(sample: Sample) -> list[str]:
    done = sum(item.is_done for item in sample.items)
    last = sample.until if sample.until.time() != sample.until.min.time() else sample.until - DAY
    words = [f"Weeks of {monday(sample.since):%d %b} to {last:%d %b %Y}: {done} of {len(sample.items)} done."]
    if sample.tasks_audited:
        names = ", ".join(one_line(task) for task in sample.tasks_audited)
        words.append(f"Answers that a judge scored, to check the judge: {names}.")
    for task, answers, mode in sample.missing:
        words.append(
            f"{one_line(task)}: none of its {answers:,} answers can be reviewed, no content was kept ({mode})."
        )
    if sample.missing:
        words.append('To keep content of some calls, set content = "redacted" and sample_rate in llmwatch.toml.')
    if not sample.items:
        words.append(
            "Nothing to review: no answer of these weeks has its content kept. --since takes in earlier weeks."
        )
    return words


def _pairs_words(pairs: Pairs, batches: int) -> list[str]:
    done = sum(item.is_done for item in pairs.items)
    words = [f"{done} of {counted(len(pairs.items), 'pair')} done."] if pairs.items else []
    if pairs.lost:
        words.append(f"Not shown: {counted(pairs.lost, 'pair')} of which an answer is not kept any more.")
    if not pairs.items:
        words.append("No pairs to compare. Replay stored inputs first: llmwatch shadow --task TASK --to MODEL")
    elif done == len(pairs.items):
        words.append(f"Where a verdict asks for more: {command('review', pairs=True, batches=batches + 1)}")
    return words


def _done_words(done: Done, asked: int) -> list[str]:
    left = asked - done.saved
    return [f"{done.saved} saved." + (f" {left} left: the same command goes on with them." if left else "")]


def _scorer(by: str | None) -> str:
    if by:
        return by
    with suppress(OSError, KeyError):
        return getpass.getuser()
    raise UsageError("Nobody knows who reviews.", "Give --by NAME.")


def _say(sentences: Sequence[str]) -> None:
    sys.stderr.write("".join(f"{sentence}\n" for sentence in sentences))


def _shown(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
