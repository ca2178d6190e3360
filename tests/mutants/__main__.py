"""`python -m tests.mutants`: draws mutants, runs them and those of named.toml, and tells which live.

Fails where a named mutant lives, where more than one in ten of those drawn live, or where one lives that survivors.toml
does not name. Which test reaches what is measured once and kept in .mutants; a file of tests that changed is measured
again, and all of them with --measure, which a change of the code asks for now and then.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import python_code, sql_code
from .mutant import Mutant, changed, drawn, told_apart
from .run import Copy, Fate, Reach, measure, run, wrongly_killed
from .scope import ROOT, measured_files, python_files, sql_files, test_files

HERE = Path(__file__).parent
FOLDER = ROOT / ".mutants"
SHARE = 0.10


def all_mutants() -> list[Mutant]:
    """Every mutant of the code in scope."""
    found = [mutant for path in python_files() for mutant in python_code.mutants(path)]
    return told_apart([*found, *(mutant for path in sql_files() for mutant in sql_code.mutants(path))])


def named_mutants() -> list[Mutant]:
    """Those of named.toml, wherever in the measured files their text stands now; it must stand there once."""
    found: list[Mutant] = []
    sources = {path: path.read_bytes() for path in (*measured_files(), *sql_files())}
    for table in tomllib.loads((HERE / "named.toml").read_text("utf-8"))["mutant"]:
        before, after = table["before"].encode(), table["after"]
        places = [(path, code) for path, code in sources.items() for _ in range(code.count(before))]
        if len(places) != 1:
            sys.exit(
                f"named.toml, {table['name']}: its text stands at {len(places)} places instead of one; correct it."
            )
        [(path, code)] = places
        start = code.index(before)
        where = next(
            (name for line, name in _functions(path).items() if line == code[:start].count(b"\n") + 1), path.name
        )
        change = f"{table['name']}: {changed(table['before'], after)}"
        found.append(Mutant(path, where, change, start, start + len(before), after))
    return found


def _functions(path: Path) -> dict[int, str]:
    from .reach import functions

    return functions(path) if path.suffix == ".py" else {}


def measured(copies: Sequence[Copy], *, anew: bool) -> Reach:
    """Which test reaches what. Files of tests that are new or changed are measured, all of them where asked to."""
    file = FOLDER / "reach.json"
    kept: dict[str, Any] = {} if anew or not file.exists() else json.loads(file.read_text("utf-8"))
    digests = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in test_files()}
    fresh = [name for name, digest in digests.items() if kept.get(name, {}).get("digest") != digest]
    if fresh:
        print(f"measuring which test reaches what: {len(fresh)} of {len(digests)} files of tests", flush=True)
        began = time.perf_counter()
        found = measure(copies, fresh, FOLDER)
        for name in fresh:
            tests = {test: told for test, told in found.items() if test.startswith(f"{name}::")}
            kept[name] = {"digest": digests[name], "tests": tests}
        file.write_text(json.dumps({name: kept[name] for name in digests}), "utf-8")
        print(f"measured {len(found)} tests in {(time.perf_counter() - began) / 60:.1f} minutes", flush=True)
    return Reach({test: told for name in digests for test, told in kept[name]["tests"].items()})


def report(fates: Sequence[Fate], named: set[str], began: float) -> int:
    """Prints what lives; the exit code."""
    known = {table["mutant"]: table["reason"] for table in _survivors() if "reason" in table}
    living = sorted((f for f in fates if f.end in ("survived", "unreached")), key=lambda fate: fate.mutant.key)
    drawn_ones = [fate for fate in fates if fate.mutant.key not in named]
    for fate in living:
        reason = known.get(fate.mutant.key)
        print(
            f"{fate.end:9} {fate.mutant.key}\n          {reason or 'not in survivors.toml'} ({fate.mutant.path.name})"
        )
    ends = Counter(fate.end for fate in drawn_ones)
    lived = ends["survived"] + ends["unreached"]
    share = lived / max(len(drawn_ones), 1)
    minutes = (time.perf_counter() - began) / 60
    print(
        f"{len(drawn_ones)} mutants: {ends['killed']} killed, {ends['timeout']} timeouts, {lived} survived"
        f" ({share:.1%}), {ends['unreached']} of those reached by no test; {len(fates) - len(drawn_ones)} named;"
        f" {minutes:.1f} minutes"
    )
    faults = [f"the named mutant lives: {fate.mutant.key}" for fate in living if fate.mutant.key in named]
    faults += [f"{share:.1%} survived, at most {SHARE:.0%} may"] * (share > SHARE)
    unlisted = [fate for fate in living if fate.mutant.key not in known and fate.mutant.key not in named]
    faults += [f"{len(unlisted)} survivors have no reason in survivors.toml"] * bool(unlisted)
    for fault in faults:
        print(f"FAILED: {fault}")
    return bool(faults)


def _survivors() -> list[dict[str, str]]:
    file = HERE / "survivors.toml"
    return tomllib.loads(file.read_text("utf-8")).get("survivor", []) if file.exists() else []


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Changed code must make a test fail.")
    parser.add_argument("--count", type=int, default=300, help="how many are drawn (300)")
    parser.add_argument("--seed", type=int, default=10, help="which are drawn (10)")
    parser.add_argument("--only", default="", help="draw from those whose file or key has this text")
    parser.add_argument("--named", action="store_true", help="the named ones only")
    parser.add_argument("--measure", action="store_true", help="measure anew which test reaches what")
    given = parser.parse_args()
    copies = [Copy(FOLDER / f"copy-{number}") for number in (1, 2)]
    for copy in copies:
        copy.compile(test_files())
    reach = measured(copies, anew=given.measure)
    began = time.perf_counter()
    named = [] if given.only else named_mutants()
    found = [] if given.named else all_mutants()
    chosen = drawn([m for m in found if given.only in f"{m.path} {m.key}"], given.count, given.seed, _is_sound)
    print(f"{len(found)} mutants, {len(chosen)} drawn and {len(named)} named", flush=True)
    reach.first = {table["mutant"]: table["test"] for table in _survivors() if "test" in table}
    fates = run(copies, reach, [*named, *chosen], _tell)
    wrong = wrongly_killed(copies[0], fates)
    fates = [Fate(f.mutant, "survived", "", f.took) if f.by in wrong else f for f in fates]
    for test in wrong:
        print(f"{test} fails without a mutant, so that its kills do not count")
    return report(fates, {mutant.key for mutant in named}, began)


def _is_sound(mutant: Mutant) -> bool:
    return mutant.path.suffix != ".sql" or sql_code.is_sound(mutant)


def _tell(fate: Fate) -> None:
    print(f"{fate.end:9} {fate.took:6.1f} s  {fate.mutant.key}  {fate.by}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
