"""A user's own SQL: answers what it reads, and can do nothing else."""

from __future__ import annotations

import time
from datetime import datetime
from decimal import Decimal

import pytest

from llmwatch.errors import LlmwatchError, UsageError
from llmwatch.store import Store
from llmwatch.store.jail import Limits

from .records import call, merged


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One store for all queries."""
    return merged(tmp_path_factory.mktemp("home"), *[call() for _ in range(20)])


def test_values_come_back_with_their_types(opened: Store) -> None:
    """Money is Decimal, times are times, nulls, lists and maps are what they are."""
    answer = opened.sql(
        "select count(*) as calls, sum(cost_usd) as cost_usd, timestamp '2026-11-21 10:00:00' as t, null as n,"
        " ['a'] as l, map {'k': 1.5::double} as m, 'x' as s, 'nan'::double as f from calls"
    )

    assert answer.columns == ["calls", "cost_usd", "t", "n", "l", "m", "s", "f"]
    row = answer.rows[0]
    assert row[:4] == (20, Decimal("0.0042"), datetime(2026, 11, 21, 10), None)  # noqa: DTZ001
    assert row[4:7] == (["a"], {"k": 1.5}, "x")
    assert row[7] != row[7]
    assert not answer.is_truncated


def test_rows_and_texts_beyond_the_limits_are_left_out_and_said(opened: Store) -> None:
    """The answer is cut, never silently."""
    limits = Limits(rows=3, cell_characters=10)

    assert len(opened.sql("from calls", limits).rows) == 3
    assert opened.sql("from calls", limits).is_truncated
    assert opened.sql("select repeat('x', 100) as x", limits).rows == [("x" * 10,)]
    assert opened.sql("select repeat('x', 100) as x", limits).is_truncated
    assert not opened.sql("from calls limit 3", Limits(rows=3)).is_truncated


ATTACKS = [
    "select * from read_text('/etc/passwd')",
    "select * from glob('/etc/*')",
    "from '/etc/passwd'",
    "select * from read_csv('/etc/passwd')",
    "copy (select 1) to '{home}/out.csv'",
    "copy calls to '{home}/out.parquet'",
    "export database '{home}/out'",
    "attach '{home}/new.duckdb' as n",
    "attach ':memory:' as n",
    "create table t as select 1",
    "create temp table t as select 1",
    "delete from calls",
    "drop table calls",
    "insert into meta values ('a', 'b')",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "set memory_limit = '100GB'",
    "pragma memory_limit = '100GB'",
    "install httpfs",
    "load httpfs",
    "select 1; select 2",
    "select getenv('HOME')",
    "select * from sys",
    "checkpoint",
    "",
    "select * from no_such_table",
    "selec 1",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_is_not_a_query_of_the_store_is_refused(opened: Store, attack: str) -> None:
    """No file is read or written, no setting changed; the refusal is one sentence."""
    home = opened.health().store_path.parent
    files = sorted(home.rglob("*"))

    with pytest.raises(LlmwatchError) as error:
        opened.sql(attack.format(home=home))

    assert "\n" not in str(error.value)
    assert sorted(home.rglob("*")) == files


@pytest.mark.parametrize(
    "bomb",
    [
        "select length(repeat('x', 2000000000))",
        "select list_aggregate(range(400000000), 'sum')",
        "select count(*) from range(100000000) a, range(100000000) b",
        "select string_agg(a.range::varchar || repeat('y', 100), ',') from range(100000000) a",
        "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r",
    ],
)
def test_a_query_that_asks_too_much_is_ended(opened: Store, bomb: str) -> None:
    """Time and memory are bounded by the kernel, and the caller is told which it was."""
    started = time.perf_counter()

    with pytest.raises(UsageError):
        opened.sql(bomb, Limits(cpu_s=2, wall_s=8))

    # Ended after eight seconds, and gone after what a busy machine takes to end a process.
    assert time.perf_counter() - started < 20
