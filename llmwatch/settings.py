"""Owns every setting: arguments > environment (LLMWATCH_*) > llmwatch.toml > defaults, read once, then passed down.

Standard library only. Never reads a setting a second time and never keeps one in a global.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from .errors import UsageError
from .setting_checks import host_fault, is_provider, near_provider, pattern_fault, price_faults, read_toml

CONFIG_NAME: Final = "llmwatch.toml"
# What `llmwatch prices update` keeps in the home, and every process takes where no price_file is set.
PRICE_LISTS: Final = ("price_list.json", "price_list.toml")


# Stands for the home where there is none; capture is off then.
NOWHERE: Final = Path("/nonexistent/llmwatch")


def default_home() -> Path:
    """The folder of spool and store when nothing names one: the user's data folder, never a temporary one.

    UsageError where the system knows no such folder, in a container without HOME and without the user's passwd entry.
    """
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    try:
        return located("XDG_DATA_HOME", base) / "llmwatch"
    except UsageError as e:
        said = e.message if os.environ.get("XDG_DATA_HOME") else "HOME is not set, and the system knows no such user."
        hint = "Name a folder of this program's own: LLMWATCH_HOME or init(home=...)."
        raise UsageError(f"No home folder is known: {said}", hint) from e


def located(key: str, path: str | Path) -> Path:
    """The absolute path; a user, a folder or a character in it that cannot be is a UsageError."""
    try:
        found = Path(path).expanduser().absolute()
    except RuntimeError:
        fault = "names the home folder of a user who is not known"
    except OSError:
        fault = "is relative, and the working folder is gone"
    else:
        if "\0" not in str(found):
            return found
        fault = "has a character that no path can have"
    raise UsageError(f"{key} = {str(path)!r} {fault}.", "Name the whole path.")


def _is_file(path: Path) -> bool:
    """False also where nobody may look, or the path is longer than any can be."""
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one process; the comment above a field is its documentation."""

    # The folder that holds the spool, the store and the pseudonym key.
    home: Path = field(default_factory=default_home)
    # OpenTelemetry service.name, service.version and deployment.environment.name of this process.
    service_name: str | None = None
    service_version: str | None = None
    environment: str | None = None
    # Installed packages that are the program's own code, so that tasks are named after their functions; without any,
    # the packages of the distribution that is run or that calls init().
    app_packages: tuple[str, ...] = ()
    # True switches capture off: nothing is hooked, nothing is written.
    disabled: bool = False
    # metadata: no content; redacted: a sampled share, redacted before it is written; full: all of it, as it is.
    content: str = "redacted"
    # The chance that one call's content is kept, beyond the floor.
    sample_rate: float = 0.1
    # The first calls of each task, per process and UTC day, whose content is always kept.
    sample_floor: int = 20
    # Task name -> sample rate, where it differs from sample_rate.
    sample_rates: Mapping[str, float] = field(default_factory=dict[str, float])
    # never: nothing is added to a request; ask: streams ask for their usage on hosts known to support it.
    stream_usage: str = "never"
    # on: one span and one row per HTTP try; off: retries are counted, not listed.
    attempts: str = "on"
    # hashed: user ids are stored as keyed pseudonyms; plain: as given.
    user_ids: str = "hashed"
    # The spool's disk bound, in MiB; beyond it calls are dropped and counted.
    spool_max_mb: int = 1024
    # Host or host:port of a gateway or proxy -> the provider behind it, so that its calls get that provider's prices.
    hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    # Name -> regular expression, redacted beside the built-in rules.
    redact: Mapping[str, str] = field(default_factory=dict[str, str])
    # Price entries of our own: models, contract rates, hosts, with dates. Checked by llmwatch.prices.
    prices: tuple[Mapping[str, Any], ...] = ()
    # A file of further price entries, or in JSON a list of genai-prices; without one, what `prices update` kept.
    price_file: Path | None = None
    # Task name -> low, standard, high or critical: how many points of answers a cheaper model may lose (5, 3, 2, none).
    stakes: Mapping[str, str] = field(default_factory=dict[str, str])
    # Task name -> what one bad answer costs, in US dollars.
    bad_answer_usd: Mapping[str, float] = field(default_factory=dict[str, float])
    # Plan name -> price_usd, seat_price_usd and the calendar unit they are `per`. Checked by llmwatch.store.plans.
    plans: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    # Who is on which plan, with how many seats, from and until when.
    subscriptions: tuple[Mapping[str, Any], ...] = ()
    # What is paid for all calls together, storage say, and by what it is divided among them.
    shared_costs: tuple[Mapping[str, Any], ...] = ()
    # How revenue that names no task is divided among tasks, features, models and services, behind outcome values.
    revenue_by: str = "cost"
    # The share of revenue that shall remain after LLM cost; without one no headroom is stated.
    target_margin: float | None = None
    # Task name -> what `llmwatch judge` asks of an answer: `text`, or the `file` that holds it.
    rubrics: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    # Days that sampled content and calls are kept.
    content_days: int = 30
    calls_days: int = 400
    # Setting -> the place that stated it; no setting itself.
    stated_in: Mapping[str, str] = field(default_factory=dict[str, str], repr=False, compare=False)

    @property
    def spool_dir(self) -> Path:
        """Where processes append their segments."""
        return self.home / "spool"

    @property
    def store_path(self) -> Path:
        """The DuckDB file."""
        return self.home / "store.duckdb"

    @property
    def key_path(self) -> Path:
        """The key of the user-id pseudonyms."""
        return self.home / "user.key"


CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "content": ("metadata", "redacted", "full"),
    "stream_usage": ("never", "ask"),
    "attempts": ("on", "off"),
    "user_ids": ("hashed", "plain"),
    "stakes": ("low", "standard", "high", "critical"),
    "revenue_by": ("cost", "calls", "tokens"),
}
# What a host process falls back to where a configured value makes no sense: the value that reveals and changes least.
SAFE: Final[Mapping[str, Any]] = {"content": "metadata", "stream_usage": "never", "user_ids": "hashed"}
# Tables and lists have no environment variable.
_TOML_ONLY: Final = frozenset({"sample_rates", "hosts", "redact", "prices", "stakes", "bad_answer_usd", "rubrics"})


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{key} = {value!r} is not a text.")
    return value


def _packages(key: str, value: object) -> tuple[str, ...]:
    """Names of packages, as a list, or as a text with commas (an environment variable)."""
    given = value.split(",") if isinstance(value, str) else value
    names = [str(name).strip() for name in given] if isinstance(given, list | tuple) else [""]
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise UsageError(f"{key} = {value!r} is not a list of package names.")
    return tuple(names)


def _choice(key: str, value: object) -> str:
    if value not in CHOICES[key]:
        raise UsageError(f"{key} = {value!r} is not one of {', '.join(CHOICES[key])}.")
    return str(value)


def _path(key: str, value: object) -> Path:
    if isinstance(value, Path) or (isinstance(value, str) and value.strip()):
        return located(key, value)
    raise UsageError(f"{key} = {value!r} is not a path.")


def _boolean(key: str, value: object) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
        "": False,
    }
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise UsageError(f"{key} = {value!r} is not one of 1, 0, true, false.")


def _number(key: str, value: object, low: float, high: float) -> float:
    if not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = float("nan")
        if low <= number <= high:
            return number
    raise UsageError(f"{key} = {value!r} is not a number from {low:g} to {high:g}.")


def _share(key: str, value: object) -> float:
    return _number(key, value, 0, 1)


def _whole(key: str, value: object) -> int:
    number = _number(key, value, 0, 1_000_000)
    if number != int(number):
        raise UsageError(f"{key} = {value!r} is not a whole number.")
    return int(number)


def _shares(key: str, value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{key} = {value!r} is not a table of task names and rates.")
    return {str(name): _share(f"{key}.{name}", rate) for name, rate in value.items()}


def _texts(key: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{key} = {value!r} is not a table of names and texts.")
    return {str(name): _text(f"{key}.{name}", text) for name, text in value.items()}


class _Refused(UsageError):
    """A value with a fault in it, and what of it a host process goes on with."""

    def __init__(self, message: str, kept: Any, hint: str = "") -> None:
        super().__init__(message, hint)
        self.kept = kept


def _hosts(key: str, value: object) -> dict[str, str]:
    if isinstance(value, Mapping) and (nested := next((n for n, v in value.items() if isinstance(v, Mapping)), None)):
        raise UsageError(f"{key}.{nested} is a table.", 'Put a host in quotes: "llm.acme.example" = "openai".')
    given = {host.strip().lower().rstrip("."): name.strip() for host, name in _texts(key, value).items()}
    faults = {host: fault for host in given if (fault := host_fault(host, has_port=True))}
    if faults:
        host, fault = next(iter(faults.items()))
        raise _Refused(f"{key}: {host!r} {fault}.", {h: name for h, name in given.items() if h not in faults})
    return given


def _patterns(key: str, value: object) -> dict[str, str]:
    given = _texts(key, value)
    for name, pattern in given.items():
        if fault := pattern_fault(pattern):
            # Kept as it is: what redacts refuses to keep any content while a pattern cannot run.
            raise _Refused(f"{key}.{name} = {pattern!r} {fault}.", given, "Until it is corrected no content is kept.")
    return given


def _prices(key: str, value: object) -> tuple[Mapping[str, Any], ...]:
    given = _entries(key, value)
    for number, entry in enumerate(given, 1):
        if fault := price_faults(entry):
            raise _Refused(f"{key} entry {number}: {fault}", given)
    return given


def _stakes(key: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{key} = {value!r} is not a table of task names and stakes.")
    for name, level in value.items():
        if isinstance(level, Mapping):
            hint = f'Put a task name with dots in quotes: "{name}.draft" = "high".'
            raise UsageError(f"{key}.{name} is a table.", hint)
        if level not in CHOICES[key]:
            raise UsageError(f"{key}.{name} = {level!r} is not one of {', '.join(CHOICES[key])}.")
    return {str(name): str(level) for name, level in value.items()}


def _dollars(key: str, value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{key} = {value!r} is not a table of task names and US dollars.")
    return {str(name): _number(f"{key}.{name}", dollars, 0, 1e9) for name, dollars in value.items()}


def _rubrics(key: str, value: object) -> dict[str, Mapping[str, str]]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{key} = {value!r} is not a table of task names and rubrics.")
    found: dict[str, Mapping[str, str]] = {}
    for name, given in value.items():
        place = f"{key}.{name}"
        rubric = _texts(place, {"text": given} if isinstance(given, str) else given)
        if len(rubric) != 1 or rubric.keys() - {"text", "file"}:
            raise UsageError(f"{place} has neither a text nor a file, or both.")
        found[str(name)] = rubric
    return found


def _entries(key: str, value: object) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, Mapping) for entry in value):
        raise UsageError(f"{key} is not a list of [[{key}]] tables.")
    return tuple(value)


def _tables(key: str, value: object) -> dict[str, Mapping[str, Any]]:
    if not isinstance(value, Mapping) or not all(isinstance(entry, Mapping) for entry in value.values()):
        raise UsageError(f"{key} is not a table of [{key}.NAME] tables.")
    return {str(name): entry for name, entry in value.items()}


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "home": _path,
    "service_name": _text,
    "service_version": _text,
    "environment": _text,
    "app_packages": _packages,
    "disabled": _boolean,
    "content": _choice,
    "sample_rate": _share,
    "sample_floor": _whole,
    "sample_rates": _shares,
    "stream_usage": _choice,
    "attempts": _choice,
    "user_ids": _choice,
    "spool_max_mb": _whole,
    "hosts": _hosts,
    "redact": _patterns,
    "prices": _prices,
    "price_file": _path,
    "plans": _tables,
    "subscriptions": _entries,
    "shared_costs": _entries,
    "revenue_by": _choice,
    "target_margin": _share,
    "stakes": _stakes,
    "rubrics": _rubrics,
    "bad_answer_usd": _dollars,
    "content_days": _whole,
    "calls_days": _whole,
}


def find_config(start: Path | None = None, home: str | Path | None = None) -> Path | None:
    """The file named by LLMWATCH_CONFIG, else the nearest llmwatch.toml in this folder or above it, else in the home.

    The home is `home`, else LLMWATCH_HOME, else the default one.
    """
    named = os.environ.get("LLMWATCH_CONFIG")
    if named:
        return located("LLMWATCH_CONFIG", named)
    folders: list[Path] = []
    # A working folder that is gone has no file; a home that is none is said where its value is read.
    with suppress(OSError):
        folder = start or Path.cwd()
        folders += [folder, *folder.parents]
    with suppress(TypeError, UsageError):
        folders.append(located("home", home or os.environ.get("LLMWATCH_HOME") or default_home()))
    return next((p for d in folders if _is_file(p := d / CONFIG_NAME)), None)


# Files that a file of settings names are found from its own folder, whichever folder it is read from.
_PATHS: Final = ("home", "price_file")


def _beside(config: Path, values: dict[str, Any]) -> dict[str, Any]:
    """The values with relative paths made those of the file's folder."""

    def found(path: Any) -> Any:
        # An unknown user's home is said where the value is read.
        with suppress(RuntimeError):
            return str(config.parent / Path(path).expanduser()) if isinstance(path, str) and path.strip() else path
        return path

    values |= {key: found(values[key]) for key in _PATHS if key in values}
    if isinstance(rubrics := values.get("rubrics"), dict):
        values["rubrics"] = {
            task: {**rubric, "file": found(rubric["file"])} if isinstance(rubric, dict) and "file" in rubric else rubric
            for task, rubric in rubrics.items()  # pyright: ignore[reportUnknownVariableType]
        }
    return values


def _unknown_key(key: str, place: str) -> UsageError:
    known = ", ".join(_READERS)
    return UsageError(f"{place}: {key} is not a setting.", f"Settings are {known}.")


def _of_file(config: Path, on_doubt: Callable[[str], None] | None) -> tuple[str, Mapping[str, Any]]:
    values, odd = read_toml(config)
    if odd and on_doubt is not None:
        on_doubt(odd)
    return str(config), _beside(config, values)


def _of_process(arguments: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(place, values) of what is stronger than a file, the strongest last."""
    environment = {
        key: value
        for key in _READERS
        if key not in _TOML_ONLY and (value := os.environ.get(f"LLMWATCH_{key.upper()}")) is not None
    }
    return [("environment", environment), ("init()", {k: v for k, v in arguments.items() if v is not None})]


def load_settings(
    arguments: Mapping[str, Any] | None = None,
    *,
    on_error: Callable[[UsageError], None] | None = None,
    on_doubt: Callable[[str], None] | None = None,
    start: Path | None = None,
) -> Settings:
    """Settings from every source; a wrong value is a UsageError naming its place, its key and the allowed values.

    With `on_error` a wrong value is reported to it instead and the setting falls back to the value that reveals and
    changes least: a typing error must not stop a customer's service from starting. Without a home capture is off.
    `on_doubt` is told in a sentence each what can be used but will hardly do what it was written for.
    """
    values: dict[str, Any] = {}
    stated_in: dict[str, str] = {}

    def report(error: UsageError) -> None:
        if on_error is None:
            raise error
        on_error(error)

    sources = _of_process(arguments or {})
    try:
        config = find_config(start, (arguments or {}).get("home"))
        sources = [*([_of_file(config, on_doubt)] if config else []), *sources]
    except UsageError as e:
        report(e)
        values.update(SAFE)
    for place, given in sources:
        for key, value in given.items():
            _take(values, stated_in, place, key, value, report)
    if on_doubt is not None:
        place = next((place for place, given in reversed(sources) if "hosts" in given), "")
        for host, name in values.get("hosts", {}).items():
            if not is_provider(name):
                on_doubt(_provider_doubt(place, host, name))
    if "home" not in values:
        _find_home(values, report if on_error is None or not values.get("disabled") else lambda error: None)
    loaded = Settings(**values, stated_in=stated_in)
    kept = kept_price_list(loaded.home)
    return replace(loaded, price_file=kept) if loaded.price_file is None and kept is not None else loaded


def _find_home(values: dict[str, Any], report: Callable[[UsageError], None]) -> None:
    """The default home; without one nothing can be kept, and capture is off."""
    try:
        values["home"] = default_home()
    except UsageError as e:
        report(e)
        values |= {"home": NOWHERE, "disabled": True}


def _take(
    values: dict[str, Any],
    stated_in: dict[str, str],
    place: str,
    key: str,
    value: object,
    report: Callable[[UsageError], None],
) -> None:
    """Adds one value that a place gives; a wrong one is reported, and what stands for it added."""
    reader = _READERS.get(key)
    if reader is None:
        report(_unknown_key(key, place))
        return
    named = f"LLMWATCH_{key.upper()}" if place == "environment" else f"{place}: {key}"
    try:
        values[key] = reader(key, value)
        stated_in[key] = named if place == "environment" else place
    except UsageError as e:
        report(UsageError(e.message.replace(key, named, 1), e.hint))
        _fall_back(values, key, e)


def kept_price_list(home: Path) -> Path | None:
    """The price list that `llmwatch prices update` keeps in the home; None if there is none."""
    return next((home / name for name in PRICE_LISTS if _is_file(home / name)), None)


def _fall_back(values: dict[str, Any], key: str, error: UsageError) -> None:
    values.pop(key, None)
    if key in SAFE:
        values[key] = SAFE[key]
    if isinstance(error, _Refused):
        values[key] = error.kept


def _provider_doubt(place: str, host: str, name: str) -> str:
    near = near_provider(name).capitalize()
    named = f"{place}: hosts: {name!r} of {host!r} is not a provider with list prices. {near}"
    return f"{named.strip()} Its calls have a price only by [[prices]] tables of your own."
