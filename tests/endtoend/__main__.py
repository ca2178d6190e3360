"""`python -m tests.endtoend --seeds 20`: how often each planted truth is found, world by world."""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .truths import check
from .world import follow_advice, make_world, review_all, shadow_all


def one(seed: int, scale: float) -> dict[str, str]:
    """Truth -> what was said instead, of one world."""
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder) / "home", seed, scale=scale)
        shadow_all(world)
        review_all(world)
        if advised := follow_advice(world):
            sys.stdout.write("".join(f"seed {seed}: then {command}\n" for command in advised))
            review_all(world, batches=4)
        return check(world)


def main() -> int:
    """Run the worlds, at most two at a time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    began = time.monotonic()
    right: dict[str, int] = {}
    seeds = range(asked.first, asked.first + asked.seeds)
    with ThreadPoolExecutor(min(2, asked.at_once)) as pool:
        for seed, found in zip(seeds, pool.map(lambda seed: one(seed, asked.scale), seeds), strict=True):
            for name, wrong in found.items():
                right[name] = right.get(name, 0) + (not wrong)
                if wrong:
                    sys.stdout.write(f"seed {seed}: {name}: {wrong}\n")
            sys.stdout.write(f"seed {seed}: {sum(not wrong for wrong in found.values())} of {len(found)}\n")
            sys.stdout.flush()
    sys.stdout.write(f"\nright of {asked.seeds} worlds, {time.monotonic() - began:.0f} s\n")
    for name, count in right.items():
        sys.stdout.write(f"{count:4d}  {name}\n")
    return 0 if min(right.values()) == asked.seeds else 1


if __name__ == "__main__":
    raise SystemExit(main())
