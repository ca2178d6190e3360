"""Prices of the catalogue that the store keeps are those of the book, or are not used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from llmwatch.prices import PriceBook
from llmwatch.prices.kept import KeptPrices, row_of, text_of
from llmwatch.prices.models import catalogue_keys, load_models
from llmwatch.settings import Settings
from llmwatch.store import Store
from llmwatch.store.catalogue import prices_for
from tests.stores import empty_store

TODAY = datetime.now(UTC).date()
OWN = {"model": "gpt-4o", "input": 1.25, "output": 5.0}


def kept(settings: Settings, day: date = TODAY) -> KeptPrices | PriceBook:
    """What the store gives to whoever asks for prices of the day."""
    with Store(settings).read() as con:
        return prices_for(con, settings, day)


def test_kept_prices_are_the_books_to_the_last_digit(tmp_path: Path) -> None:
    """The whole catalogue at every tier, and in batches, on today and on every other day they are said to hold."""
    found = kept(empty_store(tmp_path / "home"))

    assert isinstance(found, KeptPrices)
    keys = catalogue_keys(TODAY)
    assert found.resolve(keys) == PriceBook().resolve(keys)
    assert all(row_of(text_of(row)) == row for row in PriceBook().resolve(keys))
    for options in ({}, {"service_tier": "flex"}, {"is_batch": True}, {"extra": ["gpt-4", "nobody/1"]}):
        assert load_models(found, TODAY, **options) == load_models(PriceBook(), TODAY, **options)
    assert load_models(found, TODAY, server_address="llm.acme.internal") == load_models(
        PriceBook(), TODAY, server_address="llm.acme.internal"
    )


def test_a_day_of_other_prices_is_asked_of_the_book(tmp_path: Path) -> None:
    """Also through what is kept for today: beyond its days every price is the book's own."""
    settings = empty_store(tmp_path / "home")
    today = kept(settings)
    assert isinstance(today, KeptPrices)

    for day in (TODAY - timedelta(days=900), TODAY - timedelta(days=200), TODAY + timedelta(days=400)):
        keys = [replace(key, day=day) for key in catalogue_keys(day)]
        assert today.resolve(keys) == PriceBook().resolve(keys)


def test_prices_of_other_settings_are_not_taken_from_the_store(tmp_path: Path) -> None:
    """An own price that came after the last merge is seen at once, and kept from the next merge on."""
    settings = replace(empty_store(tmp_path / "home"), prices=[OWN])

    assert isinstance(kept(settings), PriceBook)
    Store(settings).merge()
    found = kept(settings)
    assert isinstance(found, KeptPrices)
    models = {model.name: model for model in load_models(found, TODAY)}
    assert models["gpt-4o"].prices["input"] == pytest.approx(1.25)
    assert list(models.values()) == load_models(PriceBook([OWN]), TODAY)
