"""`llmwatch prices`: what models cost, since when, by which source, and where sources differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ..analysis.prices_report import TITLES, prices_report, rate_table
from ..analysis.unknowns import OLD_PRICES_DAYS
from ..errors import UsageError
from ..render import FORMATS
from ..settings import PRICE_LISTS
from .options import AsOf, Format, Home, Output, now_utc, one_of, settings_for
from .reading import reading, write_report

if TYPE_CHECKING:
    from ..prices import PriceBook, PriceRow

app = typer.Typer(
    help="What models cost, since when, by which source; what the price data do not agree on.", no_args_is_help=True
)
Provider = Annotated[str, typer.Option("--provider", "-p", help="Whose list: openai, azure, anthropic, ...")]
_LISTED: Final = ("input", "cached_input", "cache_write", "output", "long_input", "long_output")
_TIERS: Final = ("default", "flex", "priority", "batch")


@app.command("list")
def list_(
    provider: Provider = "openai",
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """Prices of every model of a provider on a day, contract prices included: US dollars per million tokens."""
    one_of(format_name, FORMATS, "--format")
    day, book = now_utc(as_of).date(), book_for(home)
    listed = book.list_models(one_of(provider, provider_ids(), "--provider"))
    names = list(dict.fromkeys(one.name for one in listed))
    rows = [
        {"key": row.model, "model": row.model, **row.rates, "confidence": "exact" if row.grade == "A" else "derived",
         "source": row.source}
        for row in resolved(book, provider, names, day) if row.is_priced
    ]  # fmt: skip
    table = rate_table("prices", "model", ("model", *_LISTED, "confidence", "source"), rows)
    write_report(
        prices_report("list", facts(book, day), (f"{len(rows):,} models of {provider}",), table), format_name, output
    )


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model as answers name it.")],
    provider: Provider = "openai",
    format_name: Format = "text",
    output: Output = None,
    as_of: AsOf = None,
    home: Home = None,
) -> None:
    """One model's prices at every tier, with their source, what is not verified, and when it retires."""
    from ..prices.models import shutdown_on

    one_of(format_name, FORMATS, "--format")
    day, book = now_utc(as_of).date(), book_for(home)
    one_of(provider, provider_ids(), "--provider")
    tiers = {tier: resolved(book, provider, [model], day, tier)[0] for tier in _TIERS}
    priced = {tier: row for tier, row in tiers.items() if row.is_priced}
    if not priced:
        raise UsageError(f"{tiers['default'].unpriced_reason}.", "llmwatch prices list names the models with a price.")
    kinds = [kind for kind in TITLES if any(kind in row.rates for row in priced.values())]
    rows = [{"key": kind, "rate": TITLES[kind], **{t: r.rates.get(kind) for t, r in priced.items()}} for kind in kinds]
    notes = [f"{tier}: {row.source}{terms_of(row)}" for tier, row in priced.items()]
    notes += [f"{tier}: {row.unpriced_reason}" for tier, row in tiers.items() if not row.is_priced]
    on = shutdown_on(model.lower())
    notes.append(f"retires on {on}" if on else "no retirement date is known")
    table = rate_table("rates", "rate", ("rate", *priced), rows)
    write_report(
        prices_report("show", facts(book, day), (f"{model} of {provider} on {day}",), table, notes), format_name, output
    )


@app.command()
def history(
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only this model.", show_default=False)] = None,
    provider: Provider = "openai",
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """The days on which prices changed, the newest first; those of tiers are in `show`."""
    one_of(format_name, FORMATS, "--format")
    day, book = now_utc(None).date(), book_for(home)
    listed = book.list_models(one_of(provider, provider_ids(), "--provider"))
    listed = list({one.name: one for one in reversed(listed)}.values())
    if model is not None and not any(one.name == model.lower() for one in listed):
        raise UsageError(f"{model} is not in the list of {provider}.", "llmwatch prices list names its models.")
    rows: list[dict[str, Any]] = []
    for one in listed:
        if model in (None, one.name) and (model is not None or one.name == one.model):
            changed = [date.min, *one.changed_on]
            found = [resolved(book, provider, [one.name], on)[0] for on in changed]
            rows += changes(one.name, changed, found)
    rows.sort(key=lambda row: (row["from"] or date.min, row["model"]), reverse=True)
    table = rate_table("changes", "model", ("from", "model", "input", "cached_input", "output", "source"), rows)
    write_report(prices_report("history", facts(book, day), (f"{len(rows):,} prices",), table), format_name, output)


@app.command()
def diff(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Another price_file. Default: the store.", show_default=False)
    ] = None,
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Rates that differ between the prices in force and those that stored calls were charged at, or another file's."""
    one_of(format_name, FORMATS, "--format")
    day, book = now_utc(None).date(), book_for(home)
    rows = stored_differences(book, home, day) if file is None else file_differences(book, file, home, day)
    where = "the store" if file is None else str(file)
    table = rate_table("differences", "rate", ("model", "tier", "rate", "in_force", "other"), rows)
    said = f"{len(rows):,} rates differ from those of {where}" if rows else f"no rate differs from those of {where}"
    write_report(prices_report("diff", facts(book, day), (said,), table), format_name, output)


@app.command()
def update(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="data.json of genai-prices, or a TOML file of [\\[prices]] tables.")
    ],
    home: Home = None,
) -> None:
    """Keep newer price data in the home, from a file; never online. Stored calls are priced anew by the next merge."""
    from ..prices import PriceBook

    settings = settings_for(home)
    kept = {name: settings.home / name for name in PRICE_LISTS}
    if settings.price_file is not None and settings.price_file not in kept.values():
        hint = "Put its tables into llmwatch.toml and remove price_file."
        raise UsageError(f"price_file = {settings.price_file} is set, so a kept list would not be used.", hint)
    if file.suffix not in (".json", ".toml"):
        raise UsageError(f"{file} must end in .json or .toml.", "Give data.json of genai-prices, or a price file.")
    before = PriceBook(settings.prices, settings.price_file, hosts=settings.hosts).verified_on()
    after = PriceBook(settings.prices, file.absolute(), hosts=settings.hosts).verified_on()
    if before is not None and (after is None or after < before):
        raise UsageError(f"{file} is of {after}, the prices in force are of {before}.", "Give a newer file.")
    target = kept[f"price_list{file.suffix}"]
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = target.with_name(f"{target.name}.new")
        with open(new, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as written:
            written.write(file.read_bytes())
        new.replace(target)
        for other in kept.values():
            if other != target:
                other.unlink(missing_ok=True)
    except OSError as e:
        raise UsageError(f"{target} cannot be written: {e.strerror}.", "Correct the permissions of the home.") from e
    sys.stdout.write(f"prices of {after} are kept as {target}; remove that file to go back to those of {before}\n")


@app.command()
def check(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="LiteLLM's model_prices_and_context_window.json.", show_default=False),
    ] = None,
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Age of the price data, what in them is not verified, and how they differ from LiteLLM's; exit 1 on trouble.

    Trouble is an age of 14 days or more, or a difference that is not among what is known to be unverified.
    """
    from ..prices.comparing import differences, read_litellm
    from ..prices.models import disputed_names

    one_of(format_name, FORMATS, "--format")
    day, book = now_utc(None).date(), book_for(home)
    unverified = book.unverified()
    known = {model for table in unverified for model in table["models"]} | disputed_names()
    found = differences(book, read_litellm(file), day) if file is not None else []
    rows = [
        {"key": f"{d.model}/{d.tier}/{d.what}", "model": d.model, "tier": d.tier, "rate": TITLES.get(d.what, d.what),
         "ours": d.ours, "theirs": d.theirs}
        for d in found
    ]  # fmt: skip
    age = book.age_days(day)
    is_old = age is None or age >= OLD_PRICES_DAYS
    said = [f"the list prices were checked {age} days ago" + (": update genai-prices" if is_old else "")]
    said += [f"{len(rows):,} differences from {file}"] if file is not None else []
    notes = [f"{', '.join(table['models'])} on {table['provider']}: {table['note']}" for table in unverified]
    table = rate_table("differences", "rate", ("model", "tier", "rate", "ours", "theirs"), rows)
    write_report(prices_report("check", facts(book, day), said, table, notes), format_name, output)
    if is_old or any(d.model not in known and d.model.split("-20")[0] not in known for d in found):
        raise typer.Exit(1)


def book_for(home: Path | None) -> PriceBook:
    """The prices of the settings in force."""
    # 0.25 s of import, which only commands that need prices pay.
    from ..prices import PriceBook

    settings = settings_for(home)
    return PriceBook(settings.prices, settings.price_file, hosts=settings.hosts)


def provider_ids() -> Sequence[str]:
    """The providers with list prices."""
    from ..setting_checks import PROVIDERS

    return list(PROVIDERS)


def facts(book: PriceBook, day: date) -> Mapping[str, str]:
    """Which prices these are."""
    return {"day": str(day), "checked": str(book.verified_on() or "unknown"), "table": book.digest()[:8]}


def resolved(book: PriceBook, provider: str, names: Sequence[str], day: date, tier: str = "default") -> list[PriceRow]:
    """One row per name at the provider's own host."""
    from ..prices import PriceKey

    return book.resolve(PriceKey(provider, name, tier, None, day, is_batch=tier == "batch") for name in names)


def terms_of(row: PriceRow) -> str:
    """When a price holds, from how many tokens another one, and what is not sure about it."""
    words = [f"from {row.valid_from}"] if row.valid_from else []
    words += [f"until {row.valid_until}"] if row.valid_until else []
    words += [f"long above {row.long_above:,} input tokens"] if row.long_above else []
    words += [row.note] if row.note else []
    words += [note for note in row.use_notes.values()]
    return "".join(f"; {word}" for word in words)


def changes(name: str, days: Sequence[date], found: Sequence[PriceRow]) -> list[dict[str, Any]]:
    """The first price, and each that differs from the one before."""
    rows: list[dict[str, Any]] = []
    before: Mapping[str, Decimal] | None = None
    for on, row in zip(days, found, strict=True):
        if row.is_priced and row.rates != before:
            since = None if on == date.min else on
            rows.append(
                {"key": f"{name}/{since or ''}", "from": since, "model": name, **row.rates, "source": row.source}
            )
            before = row.rates
    return rows


def file_differences(book: PriceBook, file: Path, home: Path | None, day: date) -> list[dict[str, Any]]:
    """Rates of the models of a price file, by the prices in force and with that file instead."""
    from ..prices import PriceBook

    settings = settings_for(home)
    other = PriceBook(settings.prices, file, hosts=settings.hosts)
    names = sorted(book.own_models() | other.own_models())
    return [
        row
        for tier in _TIERS
        for mine, theirs in zip(
            resolved(book, "openai", names, day, tier), resolved(other, "openai", names, day, tier), strict=True
        )
        for row in differing(mine.model, tier, mine.rates, theirs.rates)
    ]


def stored_differences(book: PriceBook, home: Path | None, day: date) -> list[dict[str, Any]]:
    """Rates of today's prices against those that the newest calls of each model, host and tier were charged at."""
    from ..prices import PriceKey

    with reading(settings_for(home)) as store:
        used = store.rows("prices_used")
    rows: list[dict[str, Any]] = []
    for call in used:
        tier = "batch" if call["is_batch"] else call["service_tier"] or "default"
        key = PriceKey(call["provider_name"], call["model"], tier, call["host"], day, is_batch=bool(call["is_batch"]))
        now = {
            name: value for name, value in book.resolve([key])[0].columns().items() if name.endswith(("mtok", "kcall"))
        }
        mine = {name: None if value is None else Decimal(value) for name, value in now.items()}
        place = f"{call['model']} on {call['host']}" if call["host"] else str(call["model"])
        rows += differing(place, tier, mine, {name: call[name] for name in mine})
    return rows


def differing(
    model: str, tier: str, mine: Mapping[str, Decimal | None], theirs: Mapping[str, Decimal | None]
) -> list[dict[str, Any]]:
    """A row for every rate that is not the same."""
    return [
        {"key": f"{model}/{tier}/{rate}", "model": model, "tier": tier,
         "rate": TITLES.get(rate.removesuffix("_per_mtok"), rate.replace("_", " ")),
         "in_force": mine.get(rate), "other": theirs.get(rate)}
        for rate in dict.fromkeys((*mine, *theirs)) if mine.get(rate) != theirs.get(rate)
    ]  # fmt: skip
