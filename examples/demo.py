"""`make demo`: nine weeks of a support desk's OpenAI calls, captured for real, and the report about them.

The calls go through the real OpenAI SDK over HTTP to a server on loopback; only the clock is virtual. With `--live`
the same service makes a dozen calls to OpenAI itself, on the real clock, and needs OPENAI_API_KEY.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from openai import OpenAI
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from support_desk import history, planted, reviewer, tickets
from support_desk.model import CHEAPER, DeskModel
from support_desk.planted import TRUTHS
from support_desk.service import TROUBLE, SupportDesk, Ticket

import llmwatch
from llmwatch.standin import StandinServer
from llmwatch.standin.clock import SystemClock

PROJECT = Path(__file__).resolve().parents[1]
CONFIG = """# Written by examples/demo.py; this folder is made anew by every demo.
home = "{home}"
target_margin = 0.8

# The stand-in on loopback bills like OpenAI.
[[prices]]
host = "127.0.0.1"
provider = "openai"

# What the desk's customers pay. A small desk, so small prices.
[plans.starter]
price_usd = 1
per = "month"

[plans.team]
price_usd = 6
per = "month"

[plans.enterprise]
price_usd = 24
seat_price_usd = 0.50
per = "month"

[[shared_costs]]
name = "vector storage"
cost_usd = 1.20
per = "month"
divided_by = "calls"
from = 2024-01-01

# How much worse a cheaper model may be: low 5 points, standard 3, high 2, critical never.
[stakes]
"ticket.route" = "low"
"ticket.title" = "low"
"contract.review" = "critical"
{subscriptions}"""
SUBSCRIPTION = """
[[subscriptions]]
customer = "{customer}"
plan = "{plan}"
from = {day}{seats}
"""
# Task -> inputs to replay at most.
SHADOWED = {"ticket.route": 300, "ticket.title": 300, "faq.answer": 400, "mood.tag": 400}
LIVE_TICKETS = (
    "Our invoice shows 12 seats although we use 9. Please answer soon.",
    "The export of 40 rows stops halfway. It worked last week.",
)


def main() -> int:
    """Make the history or the live calls, show the report, say what to try next."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", action="store_true", help="call OpenAI itself, a dozen times, with OPENAI_API_KEY")
    parser.add_argument("--seed", type=int, default=11, help="the same seed and end give the same history")
    parser.add_argument("--scale", type=float, default=1.0, help="the share of some 8,000 calls to make")
    asked = parser.parse_args()
    if asked.live and not os.environ.get("OPENAI_API_KEY"):
        return _refuse("--live calls OpenAI itself and needs OPENAI_API_KEY; without it run the demo as it is.")
    home = Path(os.environ.get("LLMWATCH_HOME") or PROJECT / ".llmwatch-demo").absolute()
    if not _prepare(home, is_fresh=not asked.live):
        return _refuse(f"{home} holds something that no demo wrote; set LLMWATCH_HOME to an empty folder.")
    if asked.live:
        _call_openai(OpenAI())
    else:
        _make_history(asked.seed, asked.scale)
        _try_cheaper_models(home, asked.seed)
    finished = subprocess.run([sys.executable, "-m", "llmwatch", "report", "--since", "14d"], check=False)
    _say_what_next(home)
    return finished.returncode


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"demo: {sentence}\n")
    return 2


def _prepare(home: Path, *, is_fresh: bool) -> bool:
    """Make the demo's home and its llmwatch.toml; False when the folder is somebody else's."""
    config = home / "llmwatch.toml"
    is_ours = config.is_file() and "examples/demo.py" in config.read_text("utf-8")
    if home.exists() and any(home.iterdir()) and not is_ours:
        return False
    if is_fresh:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    config.write_text(CONFIG.format(home=home, subscriptions=_subscriptions()), "utf-8")
    os.environ["LLMWATCH_HOME"], os.environ["LLMWATCH_CONFIG"] = str(home), str(config)
    return True


def _subscriptions() -> str:
    """Every customer on its plan since the day before the history begins; the largest have seats."""
    day = date.today() - timedelta(days=planted.DAYS + 1)  # noqa: DTZ011 - a day of the reader's calendar will do
    seats = {name: f"\nseats = {20 - 4 * place}" for place, name in enumerate(tickets.ENTERPRISE)}
    return "".join(
        SUBSCRIPTION.format(customer=customer, plan=plan, day=day, seats=seats.get(customer, ""))
        for customer, plan in tickets.PLANS.items()
    )


def _make_history(seed: int, scale: float) -> None:
    began = time.monotonic()
    columns = (TextColumn("nine weeks of calls"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("history", total=1.0)
        made = history.run(
            time.time_ns(), seed=seed, scale=scale, on_progress=lambda share: progress.update(bar, completed=share)
        )
    took_s = time.monotonic() - began
    console.print(f"{made.calls:,} calls of nine weeks made and captured in {took_s:.0f} s.\n", highlight=False)


def _try_cheaper_models(home: Path, seed: int) -> None:
    """What a team does next: `shadow` replays kept inputs on a cheaper model, somebody compares what differs."""
    began = time.monotonic()
    clock = SystemClock()
    brain = DeskModel(clock, history.first_day(time.time_ns()))
    with StandinServer(clock=clock, seed=seed, brain=brain, keep_requests=1) as server:
        for task, inputs in SHADOWED.items():
            _llmwatch(
                *("shadow", "--task", task, "--to", CHEAPER, "--n", str(inputs), "--concurrency", "24"),
                *("--run", "--base-url", server.base_url),
            )
    pairs = 0
    for task in SHADOWED:
        file = home / f"{task}.csv"
        _llmwatch("review", "--pairs", "--task", task, "--to", CHEAPER, "--csv", str(file))
        if file.exists():
            pairs += reviewer.fill_in(file)
            _llmwatch("review", "import", str(file))
    took_s = time.monotonic() - began
    sys.stderr.write(f"{len(SHADOWED)} tasks replayed on {CHEAPER}, {pairs} pairs reviewed in {took_s:.0f} s.\n\n")


def _llmwatch(*arguments: str) -> None:
    """One command of llmwatch; what it says is shown only if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "llmwatch", *arguments],
        env={**os.environ, "OPENAI_API_KEY": "sk-standin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)


def _call_openai(client: OpenAI) -> None:
    """Each function of the desk once or twice, against OpenAI itself."""
    llmwatch.init(service_name="support-desk")
    desk = SupportDesk(client)
    for number, text in enumerate(LIVE_TICKETS, 1):
        ticket = Ticket(f"T-{number}", "acme", "acme-u1", text)
        for job in (
            lambda: desk.classify(ticket),  # noqa: B023 - called in this turn of the loop
            lambda: desk.draft_reply(ticket),  # noqa: B023
            lambda: desk.chat(ticket, on_phone=number == 1, has_left=lambda: False),  # noqa: B023
            lambda: desk.find_order(ticket.text),  # noqa: B023
            lambda: desk.embed_article(ticket.text),  # noqa: B023
        ):
            try:
                job()
            except TROUBLE as problem:
                sys.stderr.write(f"demo: {problem}\n")
    llmwatch.shutdown()


def _say_what_next(home: Path) -> None:
    command = "llmwatch" if shutil.which("llmwatch") else _short(Path(sys.executable).with_name("llmwatch"))
    sys.stdout.write(
        f"\nThe store is {_short(home / 'store.duckdb')}. What was planted in it: examples/support_desk/planted.py"
        f" ({len(TRUTHS)} truths, {len(tickets.PLANS)} customers).\n"
        f"Try next, after: export LLMWATCH_CONFIG={home / 'llmwatch.toml'}\n"
        f"  {command} report --since 14d --html report.html\n"
        f"  {command} margin --since 30d\n"
        f"  {command} drift --task reply.draft\n"
        f"  {command} downgrade --task mood.tag\n"
        f"  {command} serve\n"
        f"  {command} doctor\n"
    )


def _short(path: Path) -> str:
    """The path from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


if __name__ == "__main__":
    raise SystemExit(main())
