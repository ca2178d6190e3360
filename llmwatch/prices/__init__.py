"""Owns prices: what a model costs on a day (PriceBook) and what calls cost at those prices (SQL over a whole set).

Money is Decimal US dollars. Unknown is a value with a reason. Never imported in a customer's process, never online.
"""

from __future__ import annotations

from .book import ListedModel, PriceBook
from .costing import INCOMING_COLUMNS, Cost, Unpriced, create_prices, explain, price_incoming, price_one, sql
from .rates import PriceKey, PriceRow

__all__ = [
    "INCOMING_COLUMNS",
    "Cost",
    "ListedModel",
    "PriceBook",
    "PriceKey",
    "PriceRow",
    "Unpriced",
    "create_prices",
    "explain",
    "price_incoming",
    "price_one",
    "sql",
]
