"""Costs of stored calls change by `reprice` alone, with their causes, and a past moment keeps the costs it had."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from llmwatch.cli import app
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.history import recall
from llmwatch.store.purge import Wanted, purge
from llmwatch.store.repricing import Repriced, reprice

from .records import call, spool

MINI = "gpt-4o-mini-2024-07-18"
# 1,000 + 100 tokens: 0.00021 at list ($0.15 and $0.60 a million), 0.0012 at $1 and $2.
LIST, OWN = Decimal("0.00021"), Decimal("0.0012")
CONTRACT = {"model": MINI, "input": 1, "output": 2}


def now() -> datetime:
    """The clock, as the store has it."""
    return datetime.now(UTC).replace(tzinfo=None)


def merged(home: Path, *calls: dict[str, Any], **given: Any) -> Settings:
    """The settings of a store that has the calls and these settings in force."""
    settings = Settings(home=home, **given)
    spool(home, *calls)
    Store(settings).merge(adopts=True)
    return settings


def costs(settings: Settings, moment: datetime | None = None) -> list[Decimal | None]:
    """The costs that are stored, or were at the moment."""
    with Store(settings).read_merged() as con:
        if moment is not None:
            recall(con, moment)
        return [cost for (cost,) in con.execute("select cost_usd from calls order by started_at, span_id").fetchall()]


def priced_again(settings: Settings, *, is_dry: bool, since: datetime | None = None) -> list[Repriced]:
    """What pricing the stored calls again changes."""
    with Store(settings).changing() as con:
        return reprice(con, settings, since, None, is_dry=is_dry)


def test_pricing_again_says_what_changes_and_keeps_what_was(tmp_path: Path) -> None:
    """A dry run changes nothing; the real one leaves the old cost to be asked for; a second one has nothing to do."""
    merged(tmp_path, call(), call(), call(request_model="gpt-4o", response_model="gpt-4o-2024-08-06"))
    other = costs(Settings(home=tmp_path))[2]
    settings = replace(merged(tmp_path, prices=(CONTRACT,)), calls_days=400)
    expected = [Repriced("contract", MINI, 2, 0, 0, 2 * LIST, 2 * OWN)]

    assert priced_again(settings, is_dry=True) == expected
    assert costs(settings) == [LIST, LIST, other]
    before = now()
    assert priced_again(settings, is_dry=False) == expected
    assert costs(settings) == [OWN, OWN, other]
    assert costs(settings, before) == [LIST, LIST, other]
    assert priced_again(settings, is_dry=False) == []
    with Store(settings).read_merged() as con:
        assert con.execute("select count(distinct price_table) from calls").fetchone() == (1,)


def test_causes_are_told_apart(tmp_path: Path) -> None:
    """A host that is now known, a contract, and a rule that worked the stored cost out wrongly."""
    gateway = call(server_address="gateway.internal", provider_name="openai")
    settings = merged(tmp_path, call(), gateway, call(customer_id="wrong"))
    with Store(settings).changing() as con:
        con.execute("update calls set cost_usd = 7, input_cost_usd = 7 where customer_id = 'wrong'")
        con.execute("update calls set cost_usd = 5, price_id = null where server_address = 'gateway.internal'")
    merged(tmp_path, hosts={"gateway.internal": "openai"})

    found = {
        one.cause: (one.calls, one.before_usd)
        for one in priced_again(Settings(home=tmp_path, hosts={"gateway.internal": "openai"}), is_dry=True)
    }

    assert found == {"rule": (1, Decimal(7)), "hosts": (1, Decimal(5))}


@pytest.mark.parametrize(("before", "after"), [((), ({"discount": 0.5},)), (({"discount": 0.5},), ())])
def test_a_discount_that_begins_or_ends_is_a_contract(tmp_path: Path, before: Any, after: Any) -> None:
    """Its rates are of the list, and yet not what the list says."""
    half = LIST / 2
    merged(tmp_path, call(), prices=before)
    settings = merged(tmp_path, prices=after)

    [found] = priced_again(settings, is_dry=True)

    assert (found.cause, found.calls) == ("contract", 1)
    assert (found.before_usd, found.after_usd) == ((LIST, half) if after else (half, LIST))


def test_only_calls_of_the_period_are_priced_again(tmp_path: Path) -> None:
    """Those before `since` keep their cost, and count as of an older price table."""
    early, late = call(started_us=1_795_000_000_000_000), call(started_us=1_795_200_000_000_000)
    merged(tmp_path, early, late)
    settings = merged(tmp_path, prices=(CONTRACT,))

    priced_again(settings, is_dry=False, since=datetime(2026, 11, 20))  # noqa: DTZ001

    assert costs(settings) == [LIST, OWN]
    result = CliRunner().invoke(app, ["reprice", "--dry-run", "--format", "json", "--home", str(tmp_path)])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)["facts"]
    assert (facts["calls"], facts["older_calls"]) == (1, 1)


@pytest.mark.parametrize("is_adopted", [False, True])
def test_a_past_moment_keeps_prices_plans_and_settings(tmp_path: Path, is_adopted: bool) -> None:
    """The same bytes as before another configuration, a price list, a repricing and later usage."""
    plan = {"plans": {"pro": {"price_usd": 30}}, "target_margin": 0.5}
    start = {"subscriptions": ({"customer": "acme", "plan": "pro", "from": "2026-11-01"},)}
    given = plan | start if is_adopted else {}
    unpriced = call(request_model="own", response_model="own", server_address="llm.internal", customer_id="acme")
    settings = merged(tmp_path, call(customer_id="acme"), unpriced, **given)
    moment = now()
    asked = [
        ("report", "--since", "30d", "--format", "json"),
        ("margin", "--since", "30d", "--format", "json"),
        ("downgrade", "--since", "30d", "--format", "json"),
        ("calls", "--since", "30d", "--format", "json"),
    ]

    def answers() -> list[str]:
        at = ["--as-of", moment.isoformat(), "--home", str(tmp_path)]
        done = [CliRunner().invoke(app, [*words, *at]) for words in asked]
        assert [one.exit_code for one in done] == [0] * len(asked), [one.output for one in done]
        return [one.stdout for one in done]

    before = answers()
    later = {"plans": {"pro": {"price_usd": 90}}, "target_margin": 0.9, "stakes": {"x": "low"}} | start
    shared = ({"name": "storage", "cost_usd": 5, "from": "2026-11-01"},)
    prices = (CONTRACT, {"model": "own", "input": 1, "output": 1})
    Store(replace(settings, **later, shared_costs=shared, prices=prices)).merge(adopts=True)
    assert answers() == before
    priced_again(replace(settings, prices=prices), is_dry=False)
    assert answers() == before
    assert None not in costs(settings)
    with Store(settings).read_merged() as con:
        assert con.execute("select amount_usd from subscriptions").fetchall() == [(Decimal(90),)]


def test_what_retention_and_erasure_removed_is_named(tmp_path: Path) -> None:
    """How many calls, when, why and what they had cost, and nobody's name; their versions are gone with them."""
    old = call(started_us=1_795_000_000_000_000, customer_id="acme-corp")
    settings = merged(tmp_path, old, call(started_us=1_795_200_000_000_000), call(started_us=1_600_000_000_000_000))
    wanted = Wanted.of(settings, "acme-corp", None, None)
    with Store(settings).changing() as con:
        con.execute("create temp table changing_calls as select span_id from calls")
        con.execute("insert into call_versions by name select span_id, now()::timestamp as replaced_at from calls")
        purge(con, settings, wanted)

    with Store(settings).read_merged() as con:
        asked = "select reason, calls, unpriced_calls, spend_usd from removals order by removed_at"
        rows = con.execute(asked).fetchall()
        versions = con.execute("select count(*) from call_versions").fetchone()
    assert rows == [("retention", 1, 0, LIST), ("erasure", 1, 0, LIST)]
    assert versions == (1,)
    until = (datetime(2026, 11, 22)).isoformat()  # noqa: DTZ001
    for command in ("report", "margin"):
        done = CliRunner().invoke(app, [command, "--since", "30d", "--until", until, "--home", str(tmp_path)])
        assert "Erasure (llmwatch purge) removed 1 call made from 2026-11-18" in " ".join(done.stdout.split()), (
            done.output
        )
    with Store(settings).read_merged() as con:
        assert con.execute("select count(*) from removals where contains(removals::varchar, 'acme')").fetchone() == (0,)


def test_an_erased_customer_is_in_no_configuration(tmp_path: Path) -> None:
    """The subscriptions of the past name it no more, and the next merge does not bring it back."""
    plans = {"pro": {"price_usd": 30}}
    entries = tuple({"customer": name, "plan": "pro", "from": "2026-11-01"} for name in ("acme-corp", "other"))
    settings = merged(tmp_path, call(customer_id="acme-corp"), plans=plans, subscriptions=entries)

    result = Store(settings).purge(customer="acme-corp")
    Store(Settings(home=tmp_path)).merge()

    assert result.is_verified
    with Store(Settings(home=tmp_path)).read_merged() as con:
        assert con.execute("select customer_id from subscriptions").fetchall() == [("other",)]


def test_a_day_is_not_kept_at_the_cost_before(tmp_path: Path) -> None:
    """What dashboards keep of whole days is worked out anew from the first call that changed."""
    from llmwatch.figures.refresh import keep_money

    settings = merged(tmp_path, call())
    keep_money(Store(settings), now() + timedelta(days=1))
    settings = merged(tmp_path, prices=(CONTRACT,))
    priced_again(settings, is_dry=False)
    keep_money(Store(settings), now() + timedelta(days=1))

    with Store(settings).read_merged() as con:
        assert con.execute("select sum(spend_usd) from customer_days").fetchone() == (OWN,)
