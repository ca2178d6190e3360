"""`llmwatch purge`: erases a customer, a user or what is old, from spool, tables and the bytes of the file."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from ..analysis.report import counted
from ..errors import StoreError, UsageError
from ..store import Store
from .options import Home, moment, now_utc, settings_for


def purge(
    customer: Annotated[
        str | None, typer.Option("--customer", help="Erase this customer's calls.", show_default=False)
    ] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", help="Erase this user's calls, by the id as your program knows it.", show_default=False),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Erase calls before this: 90d, or a date.", show_default=False)
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Erase calls for good. The file is written anew and searched afterwards; what was found is printed.

    Each option adds to what is erased: --customer acme --older-than 90d erases acme whole and everybody's older calls.

    [dim]llmwatch purge --customer acme
    llmwatch purge --older-than 400d --yes[/dim]
    """
    settings = settings_for(home)
    before = None if older_than is None else moment(older_than, now_utc(None), "--older-than")
    wanted = words(customer, user, before)
    if not is_sure:
        confirm(f"Erase {wanted} from {settings.home}? This cannot be undone.")
    result = Store(settings).purge(customer, user, before)
    erased = ", ".join(
        (
            f"Erased {counted(result.calls, 'call')}",
            counted(result.content, "content"),
            counted(result.attempts, "HTTP attempt"),
        )
    )
    if result.beside:
        erased += f", {counted(result.beside, 'record')} beside them (scores, revenue, replays, judgements)"
    mentions = f" and {counted(result.mentions, 'mention')} in other calls' texts" if result.mentions else ""
    sys.stdout.write(f"{erased}{mentions}.\n")
    if not result.is_verified:
        raise StoreError(
            "The search afterwards still found: " + "; ".join(result.remaining),
            "Repeat the command when no service writes.",
        )
    sys.stdout.write("Searched afterwards, rows and bytes: nothing of it is left in spool and store.\n")
    if customer and any(entry.get("customer") == customer for entry in settings.subscriptions):
        sys.stdout.write(f"Your settings still have a subscription of {customer!r}: take it out of llmwatch.toml.\n")


def words(customer: str | None, user: str | None, before: datetime | None) -> str:
    """What will be erased, in words; refuses nothing at all."""
    parts = [f"everything of customer {customer!r}"] if customer else []
    parts += [f"everything of user {user!r}"] if user else []
    parts += [f"everybody's calls before {before:%Y-%m-%d %H:%M} UTC"] if before else []
    if not parts:
        raise UsageError("Nothing to purge was named.", "Give --customer, --user or --older-than.")
    return ", and ".join(parts)


def confirm(question: str) -> None:
    """Asks on the terminal; without one, --yes is needed."""
    if not sys.stdin.isatty():
        raise UsageError("Nobody is here to be asked.", "Add --yes to purge without a question.")
    if not typer.confirm(question, err=True):
        raise UsageError("Nothing was erased.")
