"""The files a Grafana sets itself up from, the container that mounts them, and the check of every query."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from llmwatch.dashboards import load_alerts, load_dashboards
from llmwatch.dashboards.docker import docker_command
from llmwatch.dashboards.provision import wire_address, write_tree
from llmwatch.errors import UsageError
from tests.bench.generate_store import generate
from tests.wire.served import served

LOCAL = wire_address("127.0.0.1:5433", None)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`llmwatch dashboards` as a user runs it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_") and k != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-m", "llmwatch", "dashboards", *arguments],
        capture_output=True, text=True, timeout=120, env=kept,
    )  # fmt: skip


def files(root: Path) -> dict[str, str]:
    """Relative path and text of each file."""
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_tree_has_the_source_a_provider_each_dashboard_and_the_rules(tmp_path: Path) -> None:
    """In the folders where Grafana looks; readable for its user; the password is a variable's."""
    written = write_tree(tmp_path / "tree", LOCAL, "/etc/grafana/provisioning/")
    found = files(tmp_path / "tree")

    assert len(written) == len(found)
    source = found["datasources/llmwatch.yaml"]
    for line in ("uid: llmwatch", 'url: "127.0.0.1:5433"', "database: llmwatch", "sslmode: disable"):
        assert f" {line}\n" in source
    assert "password: $LLMWATCH_PG_PASSWORD\n" in source
    assert 'path: "/etc/grafana/provisioning/dashboards/llmwatch"\n' in found["dashboards/llmwatch.yaml"]
    for name, dashboard in load_dashboards().items():
        assert json.loads(found[f"dashboards/llmwatch/{name}.json"]) == dashboard
    # JSON behind one line of comment is YAML.
    rules = json.loads(found["alerting/llmwatch.yaml"].partition("\n")[2])
    assert [g["name"] for g in rules["groups"]] == [g["name"] for g in load_alerts()["groups"]]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o644}


def test_a_tree_is_written_again_over_itself_and_never_over_another(tmp_path: Path) -> None:
    """A file that is not llmwatch's stops the whole before anything is written."""
    write_tree(tmp_path, LOCAL, "/x")
    before = files(tmp_path)
    write_tree(tmp_path, LOCAL, "/x")
    assert files(tmp_path) == before

    for name, text in (
        ("datasources/llmwatch.yaml", "apiVersion: 1\n"),
        ("dashboards/llmwatch/overview.json", '{"uid": "theirs"}'),
        ("dashboards/llmwatch/overview.json", "no json"),
    ):
        own = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text)
        with pytest.raises(UsageError, match="was not written by llmwatch; nothing was changed"):
            write_tree(tmp_path, wire_address("other:1", None), "/x")
        assert files(tmp_path) == before | {name: text}
        (tmp_path / name).write_text(own)

    target = tmp_path / "elsewhere"
    (tmp_path / "alerting/llmwatch.yaml").unlink()
    (tmp_path / "alerting/llmwatch.yaml").symlink_to(target)
    with pytest.raises(UsageError):
        write_tree(tmp_path, LOCAL, "/x")
    assert not target.exists()


@pytest.mark.parametrize(
    ("text", "asked", "host", "sslmode"),
    [
        ("127.0.0.1:5433", None, "127.0.0.1", "disable"),
        ("[::1]:5433", None, "::1", "disable"),
        ("host.docker.internal:5433", None, "host.docker.internal", "disable"),
        ("stats.example.com:5433", None, "stats.example.com", "require"),
        ("stats.example.com:5433", "verify-full", "stats.example.com", "verify-full"),
    ],
)
def test_beyond_this_machine_the_wire_is_asked_with_tls(text: str, asked: str | None, host: str, sslmode: str) -> None:
    """As `serve` demands it."""
    found = wire_address(text, asked)

    assert (found.host, found.sslmode, found.text) == (host, sslmode, text)


@pytest.mark.parametrize("text", ["5433", "host", "host:", ":5433", "host:0", "host:65536", "host:x"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    """In one sentence."""
    with pytest.raises(UsageError, match="is no address"):
        wire_address(text, None)


def test_install_writes_in_place_and_says_what_is_left_to_do(tmp_path: Path) -> None:
    """The password, and a restart."""
    missing = command("install", "--provisioning", str(tmp_path / "none"))
    run = command("install", "--provisioning", str(tmp_path), "--home", str(tmp_path / "home"))

    assert (missing.returncode, missing.stdout) == (2, "")
    assert "is no folder" in missing.stderr
    assert run.returncode == 0
    assert sorted(run.stdout.splitlines()) == sorted(str(tmp_path / name) for name in files(tmp_path))
    assert "restart Grafana" in run.stderr
    assert f'path: "{tmp_path}/dashboards/llmwatch"' in (tmp_path / "dashboards/llmwatch.yaml").read_text()


def test_the_container_is_one_command_without_a_password_that_only_this_machine_sees(tmp_path: Path) -> None:
    """The printed one is the one that --run runs; a shell finds the password for it."""
    home = tmp_path / "a home"
    said = command("docker", "--home", str(home), "--port", "3001").stdout
    (home / "wire.pgpass").write_text("*:*:*:llmwatch:the-password\n")

    printed = shlex.split(said)
    assert printed[1:] == docker_command(home / "grafana", 3001, "grafana/grafana")
    assert "GF_SERVER_HTTP_ADDR=127.0.0.1" in printed
    assert (home / "grafana" / "datasources" / "llmwatch.yaml").is_file()
    # As a shell reads it, with `env` in the place of docker.
    shown = said.partition(" docker run ")[0]
    out = subprocess.run(["sh", "-c", f"{shown} env"], capture_output=True, text=True, check=True).stdout
    assert "LLMWATCH_PG_PASSWORD=the-password\n" in out


def test_the_check_asks_every_query_and_fails_where_one_fails(tmp_path: Path) -> None:
    """Rows, time and error of each; a server that is not there is one sentence."""
    home = tmp_path / "home"
    generate(home, 300)
    with served(home) as server:
        wire = f"{server.host}:{server.port}"
        run = command("check", "--since", "90d", "--wire", wire, "--home", str(home), "--format", "csv")
    gone = command("check", "--wire", wire, "--home", str(home))

    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert [row for row in rows if row["error"]] == []
    assert (run.returncode, run.stderr) == (0, "")
    assert {row["dashboard"] for row in rows} == {*load_dashboards(), "alerts"}
    assert {row["kind"] for row in rows} == {"panel", "variable", "annotation", "alert"}
    assert gone.returncode == 2
    assert f"The wire at {wire} cannot be asked: Connection refused." in gone.stderr
