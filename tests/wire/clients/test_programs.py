"""A Go program with lib/pq and pgx, and a Java program with PostgreSQL's JDBC driver, against a served store.

They need a Go toolchain that has or can fetch its two modules, and a JDK with the driver's jars (Debian's
libpostgresql-jdbc-java and libscram-java, or PGJDBC_JARS as a class path); each skips with the reason where one lacks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ..conftest import CALLS
from ..served import Served

HERE = Path(__file__).parent
JARS = tuple(Path("/usr/share/java") / f"{name}.jar" for name in ("postgresql", "scram-client", "scram-common"))

pytestmark = pytest.mark.slow


def said_by(command: list[str], **environment: str) -> list[str]:
    """The lines a program printed; it ended well."""
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | environment)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from go/; skips where that cannot be."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no Go toolchain")
    folder = tmp_path_factory.mktemp("asking")
    shutil.copytree(HERE / "go", folder, dirs_exist_ok=True)
    environment = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"} | os.environ
    built = subprocess.run(
        [go, "build", "-o", "asking", "."], cwd=folder, capture_output=True, text=True, timeout=280, env=environment
    )
    if built.returncode:
        pytest.skip(f"the Go modules cannot be had: {built.stderr.strip().splitlines()[-1]}")
    return folder / "asking"


@pytest.mark.parametrize("driver", ["libpq", "pgx"])
def test_a_go_program_asks_as_grafana_does(server: Served, go_program: Path, driver: str) -> None:
    """Pings, types, parameters, error codes, cancelling, ten connections at once; pgx also prepared and in batches."""
    dsn = f"host={server.host} port={server.port} user=llmwatch dbname=llmwatch sslmode=disable"

    said = said_by([str(go_program), dsn, driver], PGPASSFILE=str(server.home / "wire.pgpass"))

    types = {line.split()[2]: line.split()[3] for line in said if line.startswith(("libpq type", "pgx oid"))}
    wanted = {"time": "FLOAT8", "metric": "TEXT", "spend": "NUMERIC", "calls": "INT8"}
    oids = {"time": "701", "metric": "25", "spend": "1700", "calls": "20"}
    assert types == (wanted if driver == "libpq" else oids)
    assert any("together 200 queries" in line for line in said)
    if driver == "pgx":
        assert f"pgx calls {CALLS}" in said


def test_a_java_program_asks_as_a_bi_tool_does(server: Served, tmp_path: Path) -> None:
    """Metadata, parameters in text and binary, rows in pieces, error codes, a timeout of the client."""
    if shutil.which("javac") is None:
        pytest.skip("there is no JDK")
    jars = os.environ.get("PGJDBC_JARS") or os.pathsep.join(str(jar) for jar in JARS)
    if not all(Path(jar).is_file() for jar in jars.split(os.pathsep) if jar):
        pytest.skip("PostgreSQL's JDBC driver is not installed")
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", str(tmp_path), HERE / "jdbc" / "Asking.java"], check=True)
    url = f"jdbc:postgresql://{server.host}:{server.port}/llmwatch"

    said = said_by(["java", "-cp", f"{tmp_path}{os.pathsep}{jars}", "Asking", url, str(server.home / "wire.pgpass")])

    assert "jdbc product PostgreSQL 15.0" in said
    assert f"jdbc calls {CALLS}" in said
    assert {"jdbc type day timestamp", "jdbc type spend numeric", "jdbc type calls int8"} <= set(said)


PSQL = {
    r"\d": "calls", r"\dt": "calls", r"\dv": "call_facts", r"\d+ calls": "cost_usd", r"\l": "llmwatch",
    r"\dn": "grafana", r"\df": "List of functions", r"\du": "llmwatch", r"\di": "", r"\dT": "List of data types",
    r"\conninfo": "llmwatch",
}  # fmt: skip


def psql(server: Served, *arguments: str) -> str:
    """What psql printed, without a word on standard error."""
    if shutil.which("psql") is None:
        pytest.skip("psql is not installed")
    run = subprocess.run(["psql", server.dsn, "-X", *arguments], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr.replace("Did not find any relations.\n", "")) == (0, "")
    return run.stdout


@pytest.mark.parametrize(("asked", "expected"), PSQL.items())
def test_psql_looks_around(server: Served, asked: str, expected: str) -> None:
    """Each of its commands that reads the catalogs."""
    assert expected in psql(server, "-c", asked)


def test_psql_times_and_copies_a_result_into_a_file(server: Served, tmp_path: Path) -> None:
    r"""\timing, and \copy of a query, which asks the server for COPY TO STDOUT."""
    file = tmp_path / "tasks.csv"
    script = tmp_path / "script.sql"
    script.write_text(
        "\\timing on\nselect count(*) from calls;\n"
        f"\\copy (select task_name, count(*) from calls group by all order by all) to '{file}' csv header\n"
    )

    said = psql(server, "-f", str(script))

    assert "Time: " in said
    assert file.read_text().startswith("task_name,")
