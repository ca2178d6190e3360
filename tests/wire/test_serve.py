"""`llmwatch serve` as a process: fresh, beside others, stopped cleanly or killed, closed to strangers."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.store.records import call, spool
from tests.stores import empty_store

from .conftest import CALLS
from .served import Served, lives, served, stop


def count(server: Served) -> int:
    """Calls, as the wire tells."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        row = connection.execute("select count(*) from calls").fetchone()
    assert row is not None
    return int(row[0])


def within(seconds: float, is_so: Callable[[], bool]) -> float:
    """How long it took to become so; fails after `seconds`."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < seconds
        time.sleep(0.1)
    return time.monotonic() - began


def get(url: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """(status, body, headers) of a page."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode(), dict(e.headers)


@pytest.mark.slow
def test_calls_of_a_living_writer_are_seen_within_seconds(tmp_path: Path) -> None:
    """An empty home is served at once; what is spooled is asked for without a command in between."""
    home = empty_store(tmp_path / "home").home
    with served(home) as server:
        assert count(server) == 0
        writer = spool(home, *[call() for _ in range(5)], seal=False)
        took = within(8, lambda: count(server) == 5)
        writer.close()
        spool(home, *[call() for _ in range(7)])
        within(8, lambda: count(server) == 12)

    print(f"seen after {took:.1f} s")


@pytest.mark.slow
def test_two_servers_and_commands_share_one_store(tmp_path: Path) -> None:
    """Both see all calls; a command in between is neither hindered nor wrong."""
    home = empty_store(tmp_path / "home").home
    with served(home) as one, served(home) as two:
        for calls in (10, 20):
            spool(home, *[call() for _ in range(10)])
            done = subprocess.run(
                [sys.executable, "-m", "llmwatch", "merge", "--home", str(home)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert count(one) == count(two) == calls


def test_a_taken_port_is_named_with_its_holder(server: Served) -> None:
    """Exit code 2 and a sentence with the process."""
    command = [sys.executable, "-m", "llmwatch", "serve", "--home", str(server.home), "--port", str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert f"--port {server.port} on 127.0.0.1 is taken by process {server.process.pid}." in done.stderr


def test_it_keeps_the_plans_wherever_it_is_started(tmp_path: Path) -> None:
    """Elsewhere than the file of settings it uses the store's own; where the file is it names it."""
    home, project = empty_store(tmp_path / "home").home, tmp_path / "project"
    project.mkdir()
    config = project / "llmwatch.toml"
    config.write_text('[[shared_costs]]\nname = "storage"\ncost_usd = 3\n', "utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LLMWATCH_")}
    command = [sys.executable, "-m", "llmwatch", "{}", "--home", str(home)]

    def run(name: str, folder: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*(part.format(name) for part in command), *options],
            cwd=folder, env=environment | more, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert run("merge", project).returncode == 0
    with served(home, tmp_path) as server:
        assert server.process.stderr is not None
        assert server.process.stderr.readline().startswith("llmwatch: settings   the store's own: no llmwatch.toml in")
        within(
            10, lambda: json.loads(get(server.page + "health")[1])["configuration"].startswith(f"{config}, adopted ")
        )
    with served(home, project) as server:
        assert server.process.stderr is not None
        assert server.process.stderr.readline() == f"llmwatch: settings   {config}\n"
    config.rename(home / "llmwatch.toml")
    with served(home, tmp_path) as server:
        assert server.process.stderr is not None
        assert server.process.stderr.readline() == f"llmwatch: settings   {home / 'llmwatch.toml'}\n"


def test_it_stops_within_two_seconds_and_says_goodbye(tmp_path: Path) -> None:
    """Exit code 0, even with a client inside and a query under way; no process is left."""
    home = empty_store(tmp_path / "home").home
    with served(home) as server:
        idle = psycopg.connect(server.dsn, autocommit=True)
        busy = psycopg.connect(server.dsn, autocommit=True)
        busy.pgconn.send_query(b"select count(*) from range(30000000000) where sin(range) > 2")
        time.sleep(0.5)
        processes = server.processes()
        took = stop(server.process)
        with pytest.raises(psycopg.OperationalError):
            idle.execute("select 1")
        idle.close()
        busy.close()

        assert server.process.returncode == 0
        assert took < 2.5
        assert not any(map(lives, processes))


def test_killed_it_leaves_nothing_behind_and_loses_nothing(tmp_path: Path) -> None:
    """Its helpers end with it; the next server has every call once."""
    home = empty_store(tmp_path / "home").home
    with served(home) as server:
        spool(home, *[call() for _ in range(50)])
        time.sleep(1.2)
        children = server.processes()[1:]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        within(10, lambda: not any(map(lives, children)))
    with served(home) as server:
        within(10, lambda: count(server) == 50)


def test_the_password_is_for_its_owner_alone(server: Served) -> None:
    """A file of mode 0600 with 256 bits."""
    path = server.home / "wire.pgpass"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(server.password) >= 43


def test_the_page_shows_report_health_and_metrics(server: Served) -> None:
    """No script, nothing loaded, nothing kept, nothing framed."""
    status, body, headers = get(server.page)
    health = json.loads(get(server.page + "health")[1])
    metrics = get(server.page + "metrics")[1]
    report_status, report, report_headers = get(server.page + "report?since=30d")

    assert (status, report_status) == (200, 200)
    assert "psql" in body
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in report_headers["Content-Security-Policy"]
    assert "<script" not in report
    assert "llmwatch report" in report
    assert health["status"] == "ok"
    assert health["behind_seconds"] == 0
    assert "\nllmwatch_wire_queries_total " in metrics
    assert str(server.home) not in get(server.page + "report?since=30d&x=1")[1].split("<footer")[-1]


REFUSED = {
    "another host name": ({"Host": "evil.example"}, "", 421),
    "another site": ({"Origin": "http://evil.example"}, "", 403),
    "a fetch of another site": ({"Sec-Fetch-Site": "cross-site"}, "", 403),
    "no such page": ({}, "../../etc/passwd", 404),
    "no such span": ({}, "report?since=7days", 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_browser_should_not_ask_is_refused(server: Served, name: str) -> None:
    """With a status and a short sentence."""
    headers, path, expected = REFUSED[name]

    status, body, _ = get(server.page + path, **headers)

    assert status == expected
    assert "/" not in body.replace("24h, 7d or 4w", "")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "llmwatch test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_path, key_path


def test_beyond_loopback_only_with_tls_and_the_password(tmp_path: Path) -> None:
    """Without a certificate it does not start; with one, nobody is answered unencrypted or without the password."""
    home = empty_store(tmp_path / "home").home
    command = [sys.executable, "-m", "llmwatch", "serve", "--home", str(home), "--port", "0", "--bind", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "only TLS is served" in done.stderr

    cert, key = certificate(tmp_path)
    with served(home, bind="0.0.0.0", tls_cert=str(cert), tls_key=str(key)) as server:
        local = server.dsn.replace("host=0.0.0.0", "host=127.0.0.1")
        with psycopg.connect(f"{local} sslmode=verify-full sslrootcert={cert}") as connection:
            assert connection.execute("select 1").fetchone() == (1,)
            assert connection.pgconn.ssl_in_use
        with pytest.raises(psycopg.OperationalError, match="without TLS are refused"):
            psycopg.connect(f"{local} sslmode=disable")
        context = ssl.create_default_context(cafile=str(cert))
        page = server.page.replace("0.0.0.0", "127.0.0.1")
        bearer = base64.b64encode(f"llmwatch:{server.password}".encode()).decode()
        answers = []
        for headers in ({}, {"Authorization": "Basic bm86bm8="}, {"Authorization": f"Basic {bearer}"}):
            request = urllib.request.Request(f"{page}metrics", headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                    answers.append(answer.status)
            except urllib.error.HTTPError as e:
                with e:
                    answers.append(e.code)
        assert answers == [401, 401, 200]


def test_content_is_shown_only_where_it_was_asked_for(tmp_path: Path) -> None:
    """With --expose-content the schema store has all of it; grafana has none."""
    from .conftest import CANARY, seed

    home = seed(tmp_path / "home")
    with served(home, shows_content=True) as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        assert connection.execute("select input_messages from store.content").fetchone() == (CANARY,)
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("select prompt_head from grafana.calls")
        assert connection.execute("select count(prompt_head) from store.calls").fetchone() == (0,)
        assert connection.execute("select count(*) from calls").fetchone() == (CALLS,)


@pytest.mark.slow
def test_idle_it_is_small_and_quiet(tmp_path: Path) -> None:
    """All its processes together, with a warm worker, once the merging process has ended for want of calls."""
    home = empty_store(tmp_path / "home").home
    with served(home) as server:
        count(server)
        # The second finds that nothing has changed but by the first.
        within(60, lambda: "refreshes_total 2\n" in get(server.page + "metrics")[1] and len(server.processes()) == 2)
        before = sum(sum(p.cpu_times()[:2]) for p in server.processes())
        time.sleep(3)
        used = sum(sum(p.cpu_times()[:2]) for p in server.processes()) - before
        memory = sum(
            int(line.split()[1])
            for p in server.processes()
            for line in Path(f"/proc/{p.pid}/smaps_rollup").read_text("ascii").splitlines()
            if line.startswith("Pss:")
        )

    print(f"idle: {memory / 1024:.0f} MB shared fairly, {used / 3:.2%} of a core, load {os.getloadavg()[0]:.1f}")
    assert memory < 150 << 10
    assert used / 3 < 0.03
