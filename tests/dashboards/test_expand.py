"""Macros and variables become what Grafana's PostgreSQL data source documents."""

from __future__ import annotations

from datetime import datetime

import pytest

from llmwatch.dashboards.expand import Chosen, Range, UnknownMacro, expanded, fill_of, interval_ms, with_variables

WHEN = Range(datetime(2026, 11, 20, 1, 33, 2, 9000), datetime(2026, 11, 21, 1, 33, 2), 300_000)  # noqa: DTZ001
SINCE, UNTIL = "'2026-11-20T01:33:02.009Z'", "'2026-11-21T01:33:02Z'"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("$__time(at)", 'at AS "time"'),
        ("$__timeEpoch(at)", 'extract(epoch from at) as "time"'),
        ("$__timeFilter(at)", f"at BETWEEN {SINCE} AND {UNTIL}"),
        ("$__timeFrom() $__timeTo()", f"{SINCE} {UNTIL}"),
        ("$__timeGroup(at,'5m')", "floor(extract(epoch from at)/300)*300"),
        ("$__timeGroup(at, 1h, 0)", "floor(extract(epoch from at)/3600)*3600"),
        ("$__timeGroupAlias(at,$__interval)", 'floor(extract(epoch from at)/300)*300 AS "time"'),
        ("$__unixEpochFilter(e)", "e >= 1795138382 AND e <= 1795224782"),
        ("$__unixEpochFrom() $__unixEpochTo()", "1795138382 1795224782"),
        ("$__unixEpochNanoFilter(e)", "e >= 1795138382000000000 AND e <= 1795224782000000000"),
        ("$__unixEpochGroup(e,'1m')", "floor((e)/60)*60"),
        ("$__unixEpochGroupAlias(e,'1m')", 'floor((e)/60)*60 AS "time"'),
        ("$__interval $__interval_ms", "5m 300000"),
    ],
)
def test_a_macro_is_sent_as_documented(written: str, sent: str) -> None:
    """Text for text."""
    assert expanded(written, WHEN) == sent


@pytest.mark.parametrize("written", ["$__timeFilter()", "$__timeGroup(at)", "$__noSuch(at)"])
def test_what_grafana_does_not_have_is_refused(written: str) -> None:
    """A misspelt macro fails here, not in front of a customer."""
    with pytest.raises(UnknownMacro):
        expanded(written, WHEN)


def test_the_fill_of_a_group_is_known() -> None:
    """What Grafana fills after the query."""
    assert fill_of("select $__timeGroupAlias(at,'5m',NULL), 1") == "NULL"
    assert fill_of("select $__timeGroup(at,'5m',previous), 1") == "previous"
    assert fill_of("select $__timeGroup(at,'5m'), 1") is None


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("in ($a)", """in ('it''s','say "b"\\n')"""),
        ("[[a]] ${a}", """'it''s','say "b"\\n' 'it''s','say "b"\\n'"""),
        # What this format does to a double quote is why no query has it.
        ("${a:sqlstring}", """'it''s','say \\"b\\"\\n'"""),
        ("${a:singlequote}", """'it\\'s','say "b"\\n'"""),
        ("${a:csv} ${a:raw}", """it's,say "b"\\n it's,say "b"\\n"""),
        ("${a:pipe}", """it's|say "b"\\n"""),
        ("$one", "'x''y'"),
        ("'$box'", "'x''y'"),
        ("[$all] ${all:csv}", "['(all)'] '(all)'"),
        ("$__timeFilter(x) $other $ab", "$__timeFilter(x) $other $ab"),
        ("$self", "'$a [[a]] ${a}'"),
    ],
)
def test_a_variable_is_written_as_grafana_writes_it(written: str, sent: str) -> None:
    """As its SQL data sources quote, where no format is named; what a value holds is not looked at again."""
    variables = {
        "a": Chosen(["it's", 'say "b"\\n'], is_quoted=True),
        "one": Chosen("x'y", is_quoted=True),
        "box": Chosen("x'y"),
        "all": Chosen("'(all)'", is_text=True),
        "self": Chosen(["$a [[a]] ${a}"], is_quoted=True),
    }

    assert with_variables(written, variables) == sent


@pytest.mark.parametrize(
    ("hours", "points", "least", "expected"),
    [
        (5 / 60, 800, "1m", 60_000),
        (24, 800, "1m", 120_000),
        (24 * 90, 800, "1m", 10_800_000),
        (168, 60, "1m", 10_800_000),
    ],
)
def test_the_interval_is_rounded_as_grafana_rounds(hours: float, points: int, least: str, expected: int) -> None:
    """And is never below the least of the panel."""
    until = datetime(2026, 11, 21)  # noqa: DTZ001
    since = datetime.fromtimestamp(until.timestamp() - hours * 3600)  # noqa: DTZ006

    assert interval_ms(since, until, points, least) == expected
