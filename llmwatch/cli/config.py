"""`llmwatch config`: which prices, plans and other settings the store's figures are made with, and adopting others."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from ..analysis.configuration import Adopted, configuration_report, difference_report, history_report
from ..errors import UsageError
from ..render import FORMATS
from ..settings import Settings
from ..store import Store
from ..store.configuration import (
    ADOPT,
    Configuration,
    chosen,
    defaults,
    difference,
    history,
    in_force,
    met,
)
from .options import Format, Home, Output, one_of, settings_for
from .reading import reading, say_notes, write_report

config = typer.Typer(
    name="config",
    help="Configuration: the prices, plans and other settings that figures are made with, from whichever folder.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@config.command("show")
def show(format_name: Format = "text", output: Output = None, home: Home = None) -> None:
    """Show the configuration in force: where it was stated, when it was adopted, and what it says.

    [dim]llmwatch config show[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    write_report(configuration_report(_adopted(_in_force(settings_for(home)))), format_name, output)


@config.command("diff")
def diff(format_name: Format = "text", output: Output = None, home: Home = None) -> None:
    """Compare the settings found from this folder with the configuration in force.

    [dim]llmwatch config diff[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    settings = settings_for(home)
    ours, found = _in_force(settings), met(settings)
    keys = difference(found, ours)
    rows = [(key, _value(ours.content.get(key)), _value(found.content[key])) for key in keys if found is not None]
    write_report(difference_report(found.place if found else None, rows, ADOPT), format_name, output)


@config.command("adopt")
def adopt(
    is_default: Annotated[bool, typer.Option("--defaults", help="Adopt the defaults: no prices, no plans.")] = False,
    home: Home = None,
) -> None:
    """Adopt the settings found from this folder; calls without a price are priced if they now have one.

    [dim]llmwatch config adopt
    LLMWATCH_CONFIG=/srv/llmwatch.toml llmwatch config adopt[/dim]
    """
    settings = settings_for(home)
    found = chosen(settings, is_default=is_default)
    if not settings.home.exists():
        raise UsageError(f"There is no store in {settings.home} yet.", "Name the folder of the store with --home.")
    store = Store(settings)
    adopted = store.adopt(found)
    say_notes(store)
    sys.stdout.write(f"In force: {adopted.named()}.\n")


@config.command("history")
def history_(format_name: Format = "text", output: Output = None, home: Home = None) -> None:
    """List every configuration that was in force, with what each one changed.

    [dim]llmwatch config history[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    with reading(settings_for(home)) as store:
        past = history(store.con)
    before = [defaults(), *past]
    changed = [", ".join(difference(one, earlier)) for earlier, one in zip(before, past, strict=False)]
    write_report(
        history_report([(_adopted(one), keys) for one, keys in zip(past, changed, strict=True)]), format_name, output
    )


def _in_force(settings: Settings) -> Configuration:
    with reading(settings) as store:
        return in_force(store.con) or met(settings) or defaults()


def _adopted(one: Configuration) -> Adopted:
    stated = {key: _value(value) for key, value in one.content.items() if value != defaults().content.get(key)}
    return Adopted(one.place or "default settings", one.adopted_at, stated)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
