"""Whose code is whose in this process: the program's own, an installed application's, a library's, a launcher's.

Told from modules and files alone, once per code object; `init` says which installed packages are the application.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any, Final, Literal

Kind = Literal["own", "application", "library", "launcher", "loop", "plumbing"]

# Frames that stand between the caller and the API in any program; the caller is the first frame beyond them.
_PLUMBING: Final = frozenset((
    "openai", "llmwatch", "opentelemetry", "wrapt", "httpx", "httpx2", "functools", "contextlib", "contextvars",
    "asyncio",
))  # fmt: skip
# What starts or serves programs: no frame beyond one of these asked for the call, and no service is named after it.
LAUNCHERS: Final = frozenset((
    "uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "waitress", "werkzeug", "wsgiref", "socketserver", "uwsgi",
    "mod_wsgi", "robyn", "celery", "billiard", "kombu", "rq", "dramatiq", "huey", "arq", "taskiq", "apscheduler",
    "pytest", "_pytest", "py.test", "pluggy", "unittest", "nose2", "coverage", "xdist", "execnet", "ipykernel",
    "ipykernel_launcher", "IPython", "ipython", "ipython3", "jupyter", "marimo", "streamlit", "chainlit", "gradio",
    "fastapi", "fastapi_cli", "flask", "django", "sanic", "litestar", "quart", "debugpy", "pydevd", "pdb", "bdb",
    "cProfile", "profile", "trace", "runpy", "multiprocessing", "multiprocess", "awslambdaric", "bootstrap",
    "functions_framework", "azure_functions_worker", "ddtrace", "newrelic", "watchfiles", "honcho", "langgraph_api",
))  # fmt: skip
# Packages of web frameworks whose frames also stand between two functions of the program.
_FRAMEWORKS: Final = frozenset(("fastapi", "flask", "django", "sanic", "litestar", "quart", "gradio"))
_COMMANDS: Final = frozenset((
    "opentelemetry-instrument", "ddtrace-run", "newrelic-admin", "django-admin", "ipykernel_launcher",
))  # fmt: skip
# The functions that run an event loop: what stands outside of them asked for nothing that runs inside.
_LOOPS: Final[Mapping[str, frozenset[str]]] = {
    "asyncio": frozenset(("run", "run_until_complete", "run_forever", "_run_once", "_run")),
    "trio": frozenset(("run", "unrolled_run", "guest_tick")),
    "curio": frozenset(("run",)),
    "twisted": frozenset(("run", "mainLoop")),
}
_NOTEBOOK: Final = re.compile(r"(?:^|[/\\])(?:ipykernel|marimo)_\d+[/\\]|^<ipython-input|^<command-")
_STANDARD: Final = (
    os.path.dirname(os.__file__) + os.sep,  # noqa: PTH120 - text before text: a path for each code object costs more
    sys.base_prefix + "/lib/python",
)
_WRAPPER: Final = re.compile(r"^from ([\w.]+) import ", re.MULTILINE)
_APPLICATION: Final = re.compile(r"([A-Za-z_][\w.]*):[A-Za-z_][\w.]*(?:\(\))?")
_LONGEST_RECORD: Final = 256 * 1024


class Application:
    """Packages that are the program's own though they are installed: those stated, and those that were found."""

    stated: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


def kind_of(code: CodeType, scope: Mapping[str, Any]) -> tuple[str, Kind]:
    """(`module:function`, whose code it is) for a code object and the globals it runs with."""
    module = scope.get("__name__")
    if not isinstance(module, str):
        return "?", "library"
    top = module.partition(".")[0]
    if top in _LOOPS and code.co_name in _LOOPS[top]:
        return module, "loop"
    if top in _PLUMBING:
        return module, "plumbing"
    function = code.co_qualname.replace(".<locals>", "")
    file = code.co_filename
    if module in ("__main__", "__mp_main__"):
        if function == "<module>" and _is_wrapper(code, scope):
            return module, "launcher"
        module = main_name(file, scope)
    elif file.startswith("<"):
        file = str(scope.get("__file__") or file)
    name = f"{module}:{function}"[:200]
    if not is_installed(file):
        return name, "own"
    if _is_within(module, Application.stated):
        return name, "own"
    if _is_within(module, Application.found):
        return name, "application"
    return name, "launcher" if top in LAUNCHERS and top not in _FRAMEWORKS else "library"


def main_name(file: str, scope: Mapping[str, Any]) -> str:
    """What the main module is called: its script, package or notebook, the same in every run and in every worker."""
    if _NOTEBOOK.search(file):
        named = scope.get("__vsc_ipynb_file__") or scope.get("__session__") or os.environ.get("JPY_SESSION_NAME")
        stem = Path(named).stem if isinstance(named, str) and named.endswith(".ipynb") else ""
        return stem or "notebook"
    if file.startswith("<"):
        return "<stdin>" if file.startswith("<python-input") else file
    path = Path(file)
    if path.stem != "__main__":
        return path.stem
    spec = getattr(scope.get("__spec__"), "name", None) or ""
    return spec.removesuffix(".__main__").removeprefix("__main__") or path.parent.stem or "__main__"


def is_installed(file: str) -> bool:
    """Whether a source file belongs to Python or to an installed distribution."""
    return (
        "site-packages" in file or "dist-packages" in file or file.startswith(_STANDARD) or file.startswith("<frozen ")
    )


def _is_within(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def _is_wrapper(code: CodeType, scope: Mapping[str, Any]) -> bool:
    """Whether a main module only starts another: a script that pip made, or the line that a worker process runs."""
    if code.co_filename in ("<string>", "-c"):
        called = (getattr(scope.get(name), "__module__", None) or "" for name in code.co_names)
        return any(str(module).partition(".")[0] in LAUNCHERS for module in called)
    folder = os.path.basename(os.path.dirname(code.co_filename))  # noqa: PTH119, PTH120 - as above
    return folder in ("bin", "Scripts") and "exit" in code.co_names and "sys" in code.co_names


# --- the application ---------------------------------------------------------------------------------------------


def note_application(stated: Iterable[str], caller: Mapping[str, Any] | None) -> None:
    """Says which installed packages are the program's own; `caller` are the globals of who called `init`."""
    Application.stated = tuple(stated)
    Application.found = ()
    if not Application.stated:
        found = [package for package in (_main_package(), _package_of(caller)) if package]
        Application.found = tuple(dict.fromkeys(name for package in found for name in _distribution(package)))


def _package_of(scope: Mapping[str, Any] | None) -> str | None:
    """The package of installed code that is no library of ours; None of code that is not installed."""
    module = (scope or {}).get("__name__")
    file = (scope or {}).get("__file__")
    if not isinstance(module, str) or not isinstance(file, str) or not is_installed(file):
        return None
    return _own_package(module)


def _own_package(module: str) -> str | None:
    top, _, rest = module.partition(".")
    if top in _PLUMBING or top in LAUNCHERS or top in ("__main__", "__mp_main__", "importlib", "site", "sitecustomize"):
        return None
    if rest and getattr(sys.modules.get(top), "__file__", None) is None:
        # A namespace that several distributions share.
        return f"{top}.{rest.partition('.')[0]}"
    return top


def _main_package() -> str | None:
    """The installed package that this process runs, by `python -m` or by its command."""
    main = sys.modules.get("__main__")
    file = str(getattr(main, "__file__", None) or "")
    spec = getattr(getattr(main, "__spec__", None), "name", None)
    if spec:
        return _own_package(spec) if is_installed(file) else None
    path = Path(file)
    if path.parent.name not in ("bin", "Scripts"):
        return None
    try:
        started = _WRAPPER.search(path.read_text(encoding="utf-8")[:4096])
    except (OSError, ValueError):
        return None
    top = started[1].partition(".")[0] if started else ""
    origin = str(getattr(sys.modules.get(top), "__file__", None) or "")
    return _own_package(started[1]) if started and is_installed(origin) else None


def _distribution(package: str) -> tuple[str, ...]:
    """All packages of the distribution that holds this one; itself where none says so."""
    origin = getattr(sys.modules.get(package), "__file__", None)
    if "." in package or not isinstance(origin, str):
        return (package,)
    path = Path(origin)
    folder = path.parent.parent if path.stem == "__init__" else path.parent
    try:
        records = list(folder.glob("*.dist-info/RECORD"))
    except OSError:
        return (package,)
    # The one that is called like the package first: most are.
    records.sort(
        key=lambda r: not r.parent.name.lower().replace("_", "-").startswith(package.lower().replace("_", "-"))
    )
    for record in records:
        try:
            with record.open(encoding="utf-8") as lines:
                tops = _tops(lines.read(_LONGEST_RECORD))
        except (OSError, ValueError):
            continue
        if package in tops:
            return tuple(sorted(tops))
    return (package,)


def _tops(record: str) -> set[str]:
    firsts = (line.partition(",")[0].partition("/") for line in record.splitlines())
    names = {first if slash else first.removesuffix(".py") for first, slash, _ in firsts}
    return {name for name in names if name.isidentifier() and name != "__pycache__"}


# --- the service -------------------------------------------------------------------------------------------------


def service_name(caller: Mapping[str, Any] | None) -> str:
    """A readable name for a service that states none: its script, package or application, never what launched it."""
    main = sys.modules.get("__main__")
    spec = getattr(getattr(main, "__spec__", None), "name", None)
    started = spec.removesuffix(".__main__") if spec else Path((*_arguments(), "")[0]).stem
    if started and started != "-c" and not _is_launcher(started):
        return started
    named = _called_by(caller) or _argument()
    # The working folder may be gone.
    with suppress(OSError):
        named = named or Path.cwd().name
    return named or "python"


def _is_launcher(name: str) -> bool:
    return name.partition(".")[0] in LAUNCHERS or name in _COMMANDS or name == "-m"


def _called_by(caller: Mapping[str, Any] | None) -> str | None:
    module = (caller or {}).get("__name__")
    if not isinstance(module, str):
        return None
    if module in ("__main__", "__mp_main__"):
        file = (caller or {}).get("__file__")
        name = (
            main_name(file, caller or {})
            if isinstance(file, str)
            else "notebook"
            if "get_ipython" in (caller or {})
            else ""
        )
        return name if name and not _is_launcher(name) and not name.startswith("<") else None
    return _own_package(module)


def _arguments() -> list[str]:
    """The words that started the program; an embedding one has none."""
    return getattr(sys, "argv", None) or []


def _argument() -> str | None:
    """The application that a launcher was told to run: `package.module:name`, or behind -A and --app."""
    for before, argument in zip(_arguments(), _arguments()[1:], strict=False):
        named = _APPLICATION.fullmatch(argument)
        module = named[1] if named else argument if before in ("-A", "--app") and argument[:1].isalpha() else ""
        if module:
            return module.partition(".")[0]
    return None
