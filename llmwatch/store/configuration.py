"""The store's own configuration: every setting that changes a figure, adopted once and in force wherever one asks from.

A store adopts the first configuration it meets. A different one takes its place only where a command adopts it; every
other command goes on with the store's own and says so. What concerns the process that calls OpenAI is no part of it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import UsageError
from ..pasted import command
from ..prices import PriceBook
from ..prices.overrides import read_price_file
from ..settings import Settings, kept_price_list, located
from .file import get_meta, set_meta
from .plans import PLANS_DIGEST, plans_digest, put_plans

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The settings that change a figure, or that delete what a figure would be made of.
KEYS: Final = (
    "prices", "price_file", "hosts", "plans", "subscriptions", "shared_costs", "revenue_by", "target_margin", "stakes",
    "bad_answer_usd", "rubrics", "content_days", "calls_days",
)  # fmt: skip
# What to run where a configuration is met that is not the store's.
ADOPT: Final = "llmwatch config adopt"
_PROGRAM: Final = "arguments of the program"
_DEFAULTS: Final = "the default settings"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The value of every one of KEYS, as JSON has it, and where they were stated; None is the defaults."""

    content: Mapping[str, Any]
    place: str | None = None
    # When and as which one the store adopted it, UTC without a zone; None and 0 where it has not.
    adopted_at: datetime | None = None
    number: int = 0
    # The only settings that it states, where no file states any: the others stay as they are in the store.
    only: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The content as the store has it."""
        return json.dumps(self.content, sort_keys=True, ensure_ascii=False)

    @property
    def digest(self) -> str:
        """Equal for configurations that make the same figures."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def applied(self, settings: Settings) -> Settings:
        """The settings with those of this configuration in place of their own."""
        given = {key: self.content[key] for key in KEYS if key in self.content and key != "price_file"}
        tables = ("prices", "subscriptions", "shared_costs")
        given |= {key: tuple(given[key]) for key in tables if key in given}
        prices = (*given.get("prices", ()), *self.content.get("price_file", ()))
        return replace(settings, **given | {"prices": prices, "price_file": kept_price_list(settings.home)})

    def over(self, ours: Configuration | None) -> Configuration:
        """What is in force once this one is adopted in place of `ours`."""
        if not self.only or ours is None:
            return self
        kept = {**defaults().content, **ours.content}
        place = self.place if ours.place is None else f"{ours.place} and {self.place}"
        return Configuration({**kept, **{key: self.content[key] for key in self.only}}, place)

    def named(self) -> str:
        """Path and day, for whoever reads a figure: /srv/llmwatch.toml, adopted 2026-11-30."""
        if self.place is None:
            return "default settings"
        return f"{self.place}, adopted {self.adopted_at:%Y-%m-%d}" if self.adopted_at else self.place


def book_of(settings: Settings) -> PriceBook:
    """The prices that the settings state; PriceError for a wrong entry."""
    return PriceBook(settings.prices, settings.price_file, hosts=settings.hosts)


def met(settings: Settings) -> Configuration | None:
    """What the settings of this process state; None if they state nothing that changes a figure."""
    content = _content(settings)
    stated = [key for key in KEYS if key in settings.stated_in or content[key] != defaults().content[key]]
    if not stated:
        return None
    places = dict.fromkeys(settings.stated_in.get(key, _PROGRAM) for key in stated)
    # A cron job with one variable and without the file does not take the plans away.
    is_part = all(place.startswith("LLMWATCH_") for place in places)
    return Configuration(content, " and ".join(places), only=tuple(stated) if is_part else ())


@cache
def defaults() -> Configuration:
    """What is in force in a store that has not met any configuration."""
    return Configuration(_content(Settings()))


def _content(settings: Settings) -> dict[str, Any]:
    values = {key: getattr(settings, key) for key in KEYS}
    values["price_file"] = _price_tables(settings)
    values["rubrics"] = {task: _rubric(given) for task, given in settings.rubrics.items()}
    return json.loads(json.dumps(values, default=_plain))


def _plain(value: object) -> Any:
    """What JSON lacks: dates as TOML writes them, other mappings as plain ones."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)


def _price_tables(settings: Settings) -> list[Any]:
    path = settings.price_file
    # A list that is kept in the home is in force from every folder as it is.
    if path is None or path == kept_price_list(settings.home):
        return []
    if path.suffix == ".json":
        raise UsageError(f"price_file = {path} is a whole price list.", f"Run: {command('prices', 'update', path)}")
    read_price_file(path)
    return tomllib.loads(path.read_text("utf-8-sig")).get("prices", [])


def _rubric(given: Mapping[str, str]) -> Mapping[str, str]:
    """The text of a rubric; its file where that cannot be read, which whoever judges by it will say."""
    if "file" not in given:
        return given
    try:
        return {"text": located("file", given["file"]).read_text("utf-8").strip()}
    except (OSError, UnicodeDecodeError, UsageError):
        return given


# --- in the store ----------------------------------------------------------------------------------------------------


def history(con: DuckDBPyConnection) -> list[Configuration]:
    """Every configuration that has been in force, oldest first."""
    rows = con.execute("select content, place, adopted_at, number from configurations order by number").fetchall()
    return [Configuration(json.loads(content), *rest) for content, *rest in rows]


def in_force(con: DuckDBPyConnection) -> Configuration | None:
    """The configuration that the figures of this connection are made with; None in a store that never merged."""
    row = con.execute(
        "select content, place, adopted_at, number from configurations order by number desc limit 1"
    ).fetchone()
    return None if row is None else Configuration(json.loads(row[0]), *row[1:])


def settings_in_force(con: DuckDBPyConnection, settings: Settings) -> Settings:
    """The settings of this process with the configuration that the figures of this connection are made with."""
    ours = in_force(con)
    return settings if ours is None else ours.applied(settings)


def difference(found: Configuration | None, ours: Configuration | None) -> tuple[str, ...]:
    """The settings that `found` states otherwise than the store's own; none where nothing is found."""
    if found is None:
        return ()
    mine = defaults().content if ours is None else {**defaults().content, **ours.content}
    return tuple(key for key in found.only or KEYS if found.content[key] != mine[key])


def is_to_adopt(found: Configuration | None, ours: Configuration | None, *, adopts: bool) -> bool:
    """True if the next merge changes what is in force: for the first configuration, or for one to be adopted."""
    if ours is None:
        return True
    return found is not None and (adopts or ours.place is None) and bool(difference(found, ours))


def adopt(con: DuckDBPyConnection, found: Configuration, settings: Settings) -> Configuration:
    """The configuration is in force from now on; a wrong one is a UsageError or PriceError and changes nothing.

    `settings` are those it was met in: an error names the file and entry as the user wrote them.
    """
    past = history(con)
    adopted = replace(
        found.over(past[-1] if past else None), adopted_at=datetime.now(UTC).replace(tzinfo=None), number=len(past) + 1
    )
    given = adopted.applied(settings)
    book_of(given if found.only or found.place == _DEFAULTS else settings)
    con.execute("begin")
    try:
        con.execute(
            "insert into configurations values (?, ?, ?, ?, ?)",
            [adopted.number, adopted.adopted_at, adopted.place, adopted.digest, adopted.text],
        )
        if adopted.place is not None:
            put_plans(con, given, begun(con))
        # What the figures of the wire are divided by.
        set_meta(con, "revenue_by", given.revenue_by)
        set_meta(con, "target_margin", "" if given.target_margin is None else str(given.target_margin))
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return adopted


def follow_plans(con: DuckDBPyConnection, ours: Configuration, settings: Settings) -> None:
    """The store's plans are those of its configuration, also after an erasure or by the rules of a newer llmwatch."""
    own, days = ours.applied(settings), begun(con)
    if ours.place is None or get_meta(con, PLANS_DIGEST) == plans_digest(own, days):
        return
    con.execute("begin")
    try:
        put_plans(con, own, days)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def begun(con: DuckDBPyConnection) -> dict[str, datetime]:
    """Name of a shared cost without `from` -> the UTC day on which a configuration that states it was first adopted."""
    found: dict[str, datetime] = {}
    for one in history(con):
        if one.adopted_at is not None:
            for entry in one.content["shared_costs"]:
                if "from" not in entry:
                    found.setdefault(entry.get("name"), datetime.combine(one.adopted_at.date(), time.min))
    return found


def adopted_sentence(adopted: Configuration, before: Configuration | None) -> str:
    """What was adopted and from where, in one sentence for standard error."""
    keys = ", ".join(difference(adopted, before)) or "nothing"
    undated = [entry["name"] for entry in adopted.content["shared_costs"] if "from" not in entry]
    if undated:
        keys += f" (shared costs without `from` count from their adoption: {', '.join(undated)})"
    if before is None or before.place is None:
        return f"adopted the configuration of this store from {adopted.place}: {keys}; it holds in every folder"
    return f"adopted the configuration from {adopted.place} in place of {before.named()}; changed: {keys}"


def difference_sentence(found: Configuration, ours: Configuration | None) -> str:
    """That a configuration was met which is not the store's, and the command that adopts it."""
    keys = ", ".join(difference(found, ours))
    own = "the default settings" if ours is None else ours.named()
    return (
        f"{found.place} differs from the configuration of this store ({own}) in {keys}."
        f" Figures use the store's own; `{ADOPT}` changes that."
    )


def without_customer(con: DuckDBPyConnection, customer: str) -> None:
    """No configuration that the store has had names the customer's subscriptions any more."""
    for one in history(con):
        left = [entry for entry in one.content["subscriptions"] if entry.get("customer") != customer]
        if len(left) < len(one.content["subscriptions"]):
            kept = replace(one, content={**one.content, "subscriptions": left})
            con.execute(
                "update configurations set content = ?, digest = ? where number = ?",
                [kept.text, kept.digest, kept.number],
            )


def chosen(settings: Settings, *, is_default: bool) -> Configuration:
    """What `llmwatch config adopt` adopts; UsageError where no settings that change a figure are found."""
    found = Configuration(defaults().content, _DEFAULTS) if is_default else met(settings)
    if found is None:
        raise UsageError(
            f"No settings that change a figure were found from {Path.cwd()}.",
            "Run it in the folder of llmwatch.toml, name that file with LLMWATCH_CONFIG, or give --defaults.",
        )
    return found
