"""Owns the prices of the catalogue in the store: kept by whoever merges, used by whoever asks for the same prices."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from ..prices import PriceBook
from ..prices.kept import KeptPrices, catalogue_digest, catalogue_prices
from ..prices.models import OPENAI_HOST
from ..prices.rates import PriceKey
from ..settings import Settings
from .file import get_meta, set_meta

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def keep_catalogue(con: DuckDBPyConnection, book: PriceBook, price_digest: str, today: date) -> None:
    """The store has the prices of the catalogue of this book on `today`; untouched where it has them already."""
    if is_catalogue_kept(con, price_digest, today):
        return
    digest = catalogue_digest(price_digest)
    (first, end), rows = catalogue_prices(book, digest, today)
    con.execute("begin")
    try:
        con.execute("delete from catalogue_prices")
        columns = [(key.model, key.service_tier, key.is_batch, text) for key, text in rows]
        con.execute(
            "insert into catalogue_prices select unnest(?), unnest(?), unnest(?), unnest(?)",
            [list(column) for column in zip(*columns, strict=True)],
        )
        for name, value in (("digest", digest), ("since", first.isoformat()), ("until", end.isoformat())):
            set_meta(con, f"catalogue_{name}", value)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def is_catalogue_kept(con: DuckDBPyConnection, price_digest: str, day: date) -> bool:
    """True if the store has the prices of the catalogue of the book with this digest, on that day."""
    return _kept_days(con, catalogue_digest(price_digest), day) is not None


def prices_for(con: Any, settings: Settings, day: date) -> KeptPrices | PriceBook:
    """The book of the settings, or what is kept of it where that holds on `day`."""
    book = PriceBook(settings.prices, settings.price_file, hosts=settings.hosts)
    days = _kept_days(con, catalogue_digest(book.digest()), day)
    if days is None:
        return book
    rows = con.execute("select model, service_tier, is_batch, price from catalogue_prices").fetchall()
    kept = [(PriceKey("openai", m, tier, OPENAI_HOST, days[0], is_batch=batch), text) for m, tier, batch, text in rows]
    return KeptPrices(kept, days, book)


def _kept_days(con: Any, digest: str, day: date) -> tuple[date, date] | None:
    if get_meta(con, "catalogue_digest") != digest:
        return None
    first, end = (date.fromisoformat(get_meta(con, f"catalogue_{name}") or "0001-01-01") for name in ("since", "until"))
    return (first, end) if first <= day < end else None
