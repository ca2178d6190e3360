"""`llmwatch sunset`: what runs on models that stop answering, by date."""

from __future__ import annotations

from ..analysis.replacement import replacement_section
from ..analysis.spend import Period
from ..analysis.sunset import sunset_report
from ..figures.downgrade import load_replacements
from ..figures.sunset import load_sunset
from ..render import FORMATS
from .options import AsOf, Format, Home, Output, Since, Until, known_at, now_utc, one_of, period, settings_for
from .reading import reading, write_report


def sunset(
    since: Since = "7d",
    until: Until = None,
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Models in use with a shutdown date, the soonest first: spend, customers, their margin, and replacements.

    The dates come with llmwatch and are as old as it is; fine-tuned models stop with their base.

    [dim]llmwatch sunset --since 30d[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    asked = Period(*period(since, until, now_utc(as_of)))
    with reading(settings_for(home), known_at(as_of)) as store:
        found = load_sunset(store, asked)
        replacements = replacement_section(load_replacements(store, asked)) if found.endings else None
    write_report(sunset_report(found, replacements), format_name, output)
