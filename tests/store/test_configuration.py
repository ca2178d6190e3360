"""The store knows its prices and plans: the same figures from every folder, by command, page and wire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llmwatch.errors import UsageError
from llmwatch.settings import Settings, load_settings
from llmwatch.store import Store
from llmwatch.store.configuration import history, in_force, met
from tests.stores import empty_store
from tests.wire.served import Served, served

from .records import call, spool

# 100 calls of 100,000 + 10,000 tokens of gpt-4o at $2.50 and $10 a million: 0.35 each, less 20 % by contract.
SPEND = Decimal(100) * Decimal("0.35") * Decimal("0.8")
CONFIGURATION = """
[hosts]
"gateway.internal" = "openai"
[[prices]]
model = "gpt-4o-2024-08-06"
discount = 0.2
[plans.pro]
price_usd = 60
per = "day"
[[subscriptions]]
customer = "acme"
plan = "pro"
from = 2026-01-01
[[shared_costs]]
name = "storage"
cost_usd = 8
per = "day"
from = 2026-01-01
"""
OTHER = 'target_margin = 0.7\n[[prices]]\nmodel = "gpt-4o-2024-08-06"\ninput = 1\noutput = 1\n'


def llmwatch(folder: Path, home: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own that stands in the folder."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_")} | variables
    return subprocess.run(
        [sys.executable, "-m", "llmwatch", *words, "--home", str(home)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def folders(tmp_path: Path) -> list[Path]:
    """Of the service with its settings, one without any, one with those of another service."""
    made = [tmp_path / name for name in ("service", "nowhere", "elsewhere")]
    for folder in made:
        folder.mkdir()
    (made[0] / "llmwatch.toml").write_text(CONFIGURATION, "utf-8")
    (made[2] / "llmwatch.toml").write_text(OTHER, "utf-8")
    return made


def calls(number: int = 100) -> list[dict[str, Any]]:
    """Calls of yesterday noon through a gateway that only the service's settings know."""
    noon = datetime.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)  # noqa: DTZ005
    started_us = int((noon - datetime(1970, 1, 1)).total_seconds()) * 1_000_000  # noqa: DTZ001
    return [
        call(
            started_us=started_us + n * 1000, server_address="gateway.internal", provider_name="gateway.internal",
            request_model="gpt-4o", response_model="gpt-4o-2024-08-06", input_tokens=100_000, output_tokens=10_000,
            customer_id="acme", task="reply.draft",
        )
        for n in range(number)
    ]  # fmt: skip


def figures(folder: Path, home: Path) -> dict[str, Any]:
    """Spend, revenue and margin of two whole days, as the commands say them from the folder."""
    spend = llmwatch(folder, home, "sql", "select sum(cost_usd) as s from calls", "--format", "csv")
    margin = llmwatch(folder, home, "margin", "--since", "2d", "--until", today(), "--format", "json")
    report = llmwatch(folder, home, "report", "--since", "2d", "--until", today(), "--format", "json")
    assert (spend.returncode, margin.returncode, report.returncode) == (0, 0, 0), spend.stderr + report.stderr
    return {"spend": Decimal(spend.stdout.split()[-1]), "margin": margin.stdout, "report": report.stdout}


def today() -> str:
    """The day of the clock, UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def asked(server: Served, query: str) -> Any:
    """One value over the wire."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        row = connection.execute(query).fetchone()  # pyright: ignore[reportCallIssue, reportArgumentType]
    return None if row is None else row[0]


def test_the_figures_are_the_same_from_three_folders_by_command_page_and_wire(tmp_path: Path) -> None:
    """The first configuration is adopted aloud; the folder without one and the one with another change no figure."""
    home = tmp_path / "home"
    spool(home, *calls())
    service, nowhere, elsewhere = folders(tmp_path)

    first = llmwatch(service, home, "sql", "select 1 as one")
    found = [figures(folder, home) for folder in (service, nowhere, elsewhere, service)]

    assert first.stderr.count("\n") == 1
    assert f"adopted the configuration of this store from {service / 'llmwatch.toml'}" in first.stderr
    assert found[0]["spend"] == SPEND == Decimal("28.00")
    assert found[1:] == [found[0]] * 3
    # Two days of a plan of 60 dollars, less spend and less two days of storage.
    assert "120" in found[0]["margin"]
    assert f"{service / 'llmwatch.toml'}, adopted {today()}" in found[0]["report"]
    with served(home, nowhere) as server:
        wait_for(lambda: asked(server, "select count(*) from calls") == 100)
        assert asked(server, "select sum(cost_usd) from calls") == SPEND
        assert asked(server, "select sum(cost_usd) from shared_costs") == 8
        days = f"timestamp '{today()}' - interval 2 day, timestamp '{today()}'"
        revenue = f"select sum(revenue_usd) from margin_by_customer({days})"
        assert asked(server, revenue) == 120
        with urllib.request.urlopen(server.page + "report.json?since=2d", timeout=60) as answer:
            page = json.load(answer)
        wait_for(lambda: str(service) in text_of(server.page))
        assert page["facts"]["configuration"] == f"{service / 'llmwatch.toml'}, adopted {today()}"
        assert figures(elsewhere, home) == found[0]
    assert figures(nowhere, home) == found[0]


def text_of(page: str) -> str:
    """What a browser is sent."""
    with urllib.request.urlopen(page, timeout=60) as answer:
        return answer.read().decode()


def wait_for(condition: Any) -> None:
    """At most twenty seconds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_reader_that_cannot_merge_uses_the_store_s_configuration(tmp_path: Path) -> None:
    """Spooled calls are priced by the configuration in force while somebody else holds the lock."""
    home = tmp_path / "home"
    service, nowhere, _ = folders(tmp_path)
    spool(home, *calls(10))
    llmwatch(service, home, "merge")
    spool(home, *calls(10))
    with Store(load_settings({"home": home}, start=nowhere)).read() as con:
        row = con.execute("select count(*), sum(cost_usd) from calls").fetchone()

    assert row == (20, Decimal("0.28") * 20)


def test_another_configuration_is_named_and_adopted_by_command_alone(tmp_path: Path) -> None:
    """Reading names it once, with the command; `config adopt` changes new calls, and stored costs stay."""
    home = tmp_path / "home"
    service, nowhere, elsewhere = folders(tmp_path)
    spool(home, *calls(10))
    llmwatch(service, home, "merge")

    quiet, named = (llmwatch(folder, home, "report") for folder in (nowhere, elsewhere))
    assert quiet.stderr == ""
    assert named.stderr.count("\n") == 1
    assert "differs from the configuration of this store" in named.stderr
    assert "prices, hosts, plans, subscriptions, shared_costs, target_margin" in named.stderr
    assert "llmwatch config adopt" in named.stderr

    differing = llmwatch(elsewhere, home, "config", "diff", "--format", "csv").stdout
    adopted = llmwatch(elsewhere, home, "config", "adopt")
    assert sum(line.startswith("row,") for line in differing.splitlines()) == 6
    assert adopted.returncode == 0, adopted.stderr
    assert f"adopted the configuration from {elsewhere / 'llmwatch.toml'} in place of" in adopted.stderr
    spool(home, *[one | {"server_address": "api.openai.com", "provider_name": "openai"} for one in calls(1)])
    shown = llmwatch(service, home, "config", "show").stdout
    past = llmwatch(nowhere, home, "config", "history", "--format", "json").stdout
    assert str(elsewhere) in shown.replace("\n", "")
    assert len(json.loads(past)["sections"][0]["tables"][0]["rows"]) == 2
    costs = llmwatch(
        service, home, "sql", "select cost_usd, count(*) as n from calls group by all order by 1", "--format", "csv"
    )
    assert costs.stdout.split()[1:] == ["0.11,1", "0.28,10"]


def test_a_variable_alone_changes_what_it_states_and_forgets_no_plan(tmp_path: Path) -> None:
    """A cron job with one variable and without the file states one setting."""
    home = tmp_path / "home"
    service, nowhere, _ = folders(tmp_path)
    spool(home, *calls(1))
    llmwatch(service, home, "merge")

    read = llmwatch(nowhere, home, "margin", LLMWATCH_TARGET_MARGIN="0.6")
    merged = llmwatch(nowhere, home, "merge", LLMWATCH_TARGET_MARGIN="0.6")

    assert "in target_margin." in read.stderr
    assert "changed: target_margin" in merged.stderr
    with Store(Settings(home=home)).read() as con:
        ours = in_force(con)
        assert ours is not None
        assert (ours.content["target_margin"], list(ours.content["plans"])) == (0.6, ["pro"])
        assert con.execute("select count(*) from subscriptions").fetchone() == (1,)
        assert con.execute("select value from meta where key = 'target_margin'").fetchone() == ("0.6",)


def test_the_server_adopts_once_and_undoes_no_adoption(tmp_path: Path) -> None:
    """Started where another configuration is, it adopts that; one adopted elsewhere later stays."""
    home = tmp_path / "home"
    service, _, elsewhere = folders(tmp_path)
    spool(home, *calls(1))
    llmwatch(service, home, "merge")
    with served(home, elsewhere) as server:
        wait_for(lambda: asked(server, "select value from meta where key = 'target_margin'") == "0.7")
        assert llmwatch(service, home, "config", "adopt").returncode == 0
        spool(home, *calls(5))
        wait_for(lambda: asked(server, "select count(*) from calls") == 6)
        assert asked(server, "select count(*) from calls where cost_usd = 0.28") == 6
        assert asked(server, "select value from meta where key = 'target_margin'") == ""


def test_a_wrong_configuration_is_not_adopted(tmp_path: Path) -> None:
    """The sentence names file and entry; the store keeps what it had."""
    home = tmp_path / "home"
    service, _, elsewhere = folders(tmp_path)
    spool(home, *calls(1))
    llmwatch(service, home, "merge")
    (elsewhere / "llmwatch.toml").write_text('[[prices]]\nmodel = "a"\ninput = "x"\n', "utf-8")

    done = llmwatch(elsewhere, home, "config", "adopt")

    assert done.returncode == 2
    assert "prices entry 1: input = 'x'" in done.stderr
    with Store(Settings(home=home)).read() as con:
        assert len(history(con)) == 1


def test_the_content_of_a_price_file_is_part_of_it_and_found_beside_the_settings(tmp_path: Path) -> None:
    """From a folder below, and after the file is gone, its prices hold; a changed file is another configuration."""
    home, folder = tmp_path / "home", tmp_path / "project"
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    (folder / "llmwatch.toml").write_text('price_file = "own.toml"\n', "utf-8")
    own = folder / "own.toml"
    own.write_text('[[prices]]\nmodel = "gpt-4o-mini-2024-07-18"\ninput = 1\noutput = 2\n', "utf-8")
    spool(home, call())

    first = llmwatch(below, home, "sql", "select cost_usd from calls", "--format", "csv")
    own.write_text('[[prices]]\nmodel = "gpt-4o-mini-2024-07-18"\ninput = 3\noutput = 2\n', "utf-8")
    second = llmwatch(folder, home, "report")
    spool(home, call())
    third = llmwatch(tmp_path, home, "sql", "select sum(cost_usd) from calls", "--format", "csv")

    assert (first.returncode, first.stdout.split()[-1]) == (0, "0.0012")
    assert "in price_file." in second.stderr
    assert third.stdout.split()[-1] == "0.0024"


def test_settings_of_the_host_alone_are_no_configuration(tmp_path: Path) -> None:
    """What concerns the process that calls OpenAI changes no figure."""
    (tmp_path / "llmwatch.toml").write_text('content = "full"\nattempts = "off"\n', "utf-8")

    assert met(load_settings(start=tmp_path)) is None


def test_reading_from_another_folder_deletes_no_content(tmp_path: Path) -> None:
    """The days that content is kept are the store's own."""
    settings = replace(empty_store(tmp_path / "home"), content_days=9_000, calls_days=9_000)
    spool(settings.home, call(started_us=1_600_000_000_000_000, input_messages='[{"role": "user"}]'))
    Store(settings).merge()
    with Store(settings).changing() as con:
        con.execute("delete from meta where key = 'retained_on'")

    Store(Settings(home=settings.home)).merge()

    with Store(settings).read() as con:
        assert con.execute("select count(*) from content").fetchone() == (1,)
        assert con.execute("select count(*) from calls").fetchone() == (1,)


def test_a_shared_cost_without_a_start_counts_from_its_adoption(tmp_path: Path) -> None:
    """Not from 1970; a changed amount keeps the day, and so does the merge after an erasure."""
    cost = {"name": "storage", "cost_usd": 30}
    settings = replace(empty_store(tmp_path / "home"), shared_costs=(cost,))
    opened = Store(settings)
    opened.merge()
    changed = Store(replace(settings, shared_costs=({**cost, "cost_usd": 40},)))
    changed.merge(adopts=True)

    with changed.read() as con:
        rows = con.execute("select cost_usd, starts_at from shared_costs").fetchall()
    assert rows == [(Decimal(40), datetime.fromisoformat(today()))]
    assert "shared costs without `from` count from their adoption: storage" in opened.notes[0]


def test_a_plan_has_dated_prices(tmp_path: Path) -> None:
    """$10 a month until July, $20 from then: a subscription of all months pays each price in its time."""
    dated = [{"price_usd": 10, "until": "2026-07-01"}, {"price_usd": 20, "from": "2026-07-01"}]
    subscriptions = ({"customer": "acme", "plan": "pro", "from": "2026-01-01"},)
    settings = replace(empty_store(tmp_path / "home"), plans={"pro": {"prices": dated}}, subscriptions=subscriptions)
    Store(settings).merge()

    with Store(settings).read() as con:
        rows = con.execute(
            "select amount_usd, starts_at::date::text, ends_at::date::text from subscriptions"
        ).fetchall()
    assert rows == [(Decimal(10), "2026-01-01", "2026-07-01"), (Decimal(20), "2026-07-01", None)]


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"price_usd": 1, "prices": [{"price_usd": 2}]}, "plans.pro: price_usd stands beside prices."),
        ({"prices": []}, r"plans.pro: prices must be a list of \[\[plans.pro.prices\]\] tables."),
        ({"prices": [{"price_usd": 1, "until": "2026-07-02"}, {"price_usd": 2, "from": "2026-07-01"}]},
         "plans.pro: two prices hold on 2026-07-01."),
        ({"prices": [{"price_usd": 1, "until": "2026-06-01"}, {"price_usd": 2, "from": "2026-07-01"}]},
         "plans.pro: no price holds from 2026-06-01."),
        ({"prices": [{"price_usd": 1, "from": "2026-02-01"}]},
         "subscriptions, entry 1: plan 'pro' has no price for a part of the subscription."),
        ({"prices": [{"price": 1}]}, "plans.pro.prices, entry 1: price is not known here."),
    ],
)  # fmt: skip
def test_a_wrong_dated_price_is_one_sentence(tmp_path: Path, plan: dict[str, Any], sentence: str) -> None:
    """Gaps and overlaps are refused: nobody would know what was paid."""
    subscriptions = ({"customer": "acme", "plan": "pro", "from": "2026-01-01"},)
    settings = replace(empty_store(tmp_path / "home"), plans={"pro": plan}, subscriptions=subscriptions)

    with pytest.raises(UsageError, match=sentence):
        Store(settings).merge()
