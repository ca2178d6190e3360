"""`python -m tests.dashboards.draw HOME [BOARD ...] [--until MOMENT] [--out DIR]` draws the dashboards of a store.

The range ends with the newest call, or at the moment given. Without --out pictures go to dashboards/pictures/, drawn
small enough for the repository; the page is built in build/draw.
"""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timedelta
from pathlib import Path

from llmwatch.dashboards import folder, load_dashboards
from llmwatch.dashboards.client import Address, Client
from llmwatch.figures.refresh import refresh
from llmwatch.settings import load_settings
from llmwatch.store import Store
from tests.wire.served import served

from .drawing import build, data, draw

ROOT = Path(__file__).parents[3]
# A picture in the repository is drawn smaller until it has fewer bytes than this.
LARGEST = 245_000
SCALES = (1.0, 0.85, 0.7, 0.6)
DAYS = {"reliability": 7, "calls": 7, "cache": 28, "overview": 28, "customers": 28}


def chosen(address: Address, name: str) -> dict[str, str]:
    """In the call explorer the newest streamed call is chosen."""
    if name != "calls":
        return {}
    with Client(address) as client:
        found = client.ask("select id from call_lines where first_token is not null order by started desc limit 1")
    return {"call": str(found.rows[0][0])} if found.rows else {}


def newest(address: Address) -> datetime:
    """The whole minute after the newest call."""
    with Client(address) as client:
        found = client.ask("select date_trunc('minute', max(started_at)) + interval 1 minute from calls")
    return datetime.fromisoformat(str(found.rows[0][0]))


def main() -> None:
    """Builds, serves, asks, draws."""
    parser = argparse.ArgumentParser(prog="python -m tests.dashboards.draw")
    parser.add_argument("home", type=Path)
    parser.add_argument("boards", nargs="*")
    parser.add_argument("--until", type=datetime.fromisoformat)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "draw")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    out = asked.out or folder() / "pictures"
    out.mkdir(parents=True, exist_ok=True)
    dist = build(asked.build.resolve())
    # The home's own llmwatch.toml holds the prices and plans that the store was made with.
    home, out = asked.home.resolve(), out.resolve()
    os.chdir(home)
    settings = load_settings({"home": home})
    Store(settings).merge()
    with served(home) as server:
        address = Address(server.host, server.port, "llmwatch", server.password)
        until = asked.until or newest(address)
        refresh(settings, until)
        for name in asked.boards or load_dashboards():
            since = until - timedelta(days=DAYS.get(name, 28))
            given = data(address, name, since, until, chosen(address, name))
            for scale in SCALES if not asked.out else SCALES[:1]:
                drawn = draw(dist, name, given, out / f"{name}.png", scale=scale)
                if drawn.picture.stat().st_size < LARGEST:
                    break
            print(f"{drawn.title}\t{drawn.picture}\t{drawn.picture.stat().st_size:,} bytes")


main()
