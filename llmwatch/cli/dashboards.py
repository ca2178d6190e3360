"""`llmwatch dashboards`: the Grafana dashboards as files, in a Grafana, in a container, and proof that they work."""

from __future__ import annotations

import os
import shlex
import ssl
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from ..dashboards import load_alerts, load_dashboards
from ..dashboards.check import Checked
from ..dashboards.check import check as run_check
from ..dashboards.client import Address
from ..dashboards.docker import IMAGE, docker_command, local_wire
from ..dashboards.grafana import Grafana
from ..dashboards.provision import PASSWORD_VARIABLE, PROVISIONING, WireAddress, wire_address, write_tree
from ..dashboards.push import push as push_all
from ..dashboards.queries import queries
from ..dashboards.report import checked_report
from ..errors import UsageError
from ..render import FORMATS
from ..render.inert import one_line
from .options import Format, Home, Output, Since, Until, now_utc, one_of, period, settings_for
from .reading import progress_on_terminal, write_report

app = typer.Typer(help="Grafana dashboards and alert rules over the wire of `llmwatch serve`.", no_args_is_help=True)

Wire = Annotated[str, typer.Option("--wire", help="HOST:PORT under which Grafana finds `llmwatch serve`.")]
SslMode = Annotated[
    str | None,
    typer.Option(
        "--sslmode",
        help="disable, require or verify-full. Default: disable on this machine, else require.",
        show_default=False,
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="Default: wire.pgpass, which `serve` reads too.", show_default=False),
]
_LOCAL: Final = "127.0.0.1:5433"


@app.command("export")
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Gets datasources/, dashboards/ and alerting/.")],
    at: Annotated[str, typer.Option("--at", help="The folder under which Grafana will see DIR.")] = PROVISIONING,
    wire: Wire = _LOCAL,
    sslmode: SslMode = None,
) -> None:
    """Write what Grafana provisions itself from: data source, dashboards, alert rules.

    The password is left to the variable LLMWATCH_PG_PASSWORD of Grafana's environment.

    [dim]llmwatch dashboards export ./grafana[/dim]
    """
    address = wire_address(wire, sslmode)
    for path in write_tree(directory, address, at):
        sys.stdout.write(f"{path}\n")
    sys.stderr.write(f"llmwatch: note: Grafana must see {directory} as {at}.\n")


@app.command("install")
def install(
    provisioning: Annotated[Path, typer.Option("--provisioning", help="Grafana's provisioning folder.")] = Path(
        PROVISIONING
    ),
    wire: Wire = _LOCAL,
    sslmode: SslMode = None,
    home: Home = None,
) -> None:
    """Write the same files into the Grafana of this machine; a file of anybody else's is never overwritten.

    [dim]sudo llmwatch dashboards install[/dim]
    """
    address = wire_address(wire, sslmode)
    if not provisioning.is_dir():
        raise UsageError(
            f"{provisioning} is no folder.", "--provisioning names the folder of Grafana's paths.provisioning."
        )
    for path in write_tree(provisioning, address, str(provisioning.absolute())):
        sys.stdout.write(f"{path}\n")
    sys.stderr.write(
        f"llmwatch: note: Give Grafana the password, in /etc/default/grafana-server:\n"
        f"    echo {PASSWORD_VARIABLE}=$(sed 's/.*://' {shlex.quote(str(_password_path(home)))})"
        " | sudo tee -a /etc/default/grafana-server >/dev/null\n"
        "llmwatch: note: Then restart Grafana: sudo systemctl restart grafana-server\n"
    )


@app.command("push")
def push(
    url: Annotated[str, typer.Option("--url", help="Of Grafana, as in the browser.", envvar="GRAFANA_URL")],
    token: Annotated[
        str,
        typer.Option(
            "--token",
            help="Of a service account with the role Admin; - reads it from standard input.",
            envvar="GRAFANA_TOKEN",
            show_envvar=True,
        ),
    ],
    wire: Wire = _LOCAL,
    sslmode: SslMode = None,
    password_file: PasswordFile = None,
    with_alerts: Annotated[bool, typer.Option("--alerts/--no-alerts", help="Set up the alert rules too.")] = True,
    home: Home = None,
) -> None:
    """Set up a running Grafana: data source, health check, folder, dashboards, alert rules. Twice changes nothing.

    What was edited in Grafana is brought back, its edited version stays in the dashboard's history. Pauses, folders and
    notification settings stay.

    [dim]GRAFANA_TOKEN=glsa_... llmwatch dashboards push --url http://localhost:3000[/dim]
    """
    address = wire_address(wire, sslmode)
    grafana = Grafana(url, sys.stdin.readline().strip() if token == "-" else token)
    if grafana.is_readable_on_the_way:
        sys.stderr.write("llmwatch: note: Without https the token and the wire's password can be read on the way.\n")
    failed = ""
    groups = load_alerts()["groups"] if with_alerts else []
    for step in push_all(grafana, address, _password(password_file, home), load_dashboards().values(), groups):
        sys.stdout.write(one_line(f"{step.did:<10} {step.subject:<12} {step.name}  {step.note}").rstrip() + "\n")
        sys.stdout.flush()
        if step.is_failure:
            failed = step.note
    if failed:
        sys.stderr.write(
            f"llmwatch: error: Grafana cannot ask the wire at {address.text}: {one_line(failed)}\n"
            "Is `llmwatch serve` running, can Grafana's machine reach it, and is this its password?\n"
        )
        raise typer.Exit(1)


@app.command("docker")
def docker(
    is_run: Annotated[bool, typer.Option("--run", help="Run it instead of printing it.")] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="For the files it mounts. Default: grafana in the home.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Of Grafana's page, on this machine only.")] = 3000,
    image: Annotated[str, typer.Option("--image", help="Grafana's image.")] = IMAGE,
    wire: Annotated[
        str | None,
        typer.Option(
            "--wire", help="HOST:PORT as seen from the container. Default: of this machine.", show_default=False
        ),
    ] = None,
    sslmode: SslMode = None,
    home: Home = None,
) -> None:
    """Print one `docker run` of a Grafana with everything in it; --run runs it. Ctrl-C ends it, it keeps nothing.

    [dim]llmwatch dashboards docker --run[/dim]
    """
    if not 0 < port < 65_536:
        raise UsageError(f"--port {port} is not a port.", "Give 1 to 65535.")
    settings = settings_for(home)
    root = (directory or settings.home / "grafana").absolute()
    write_tree(root, wire_address(wire or local_wire(), sslmode), PROVISIONING)
    command = docker_command(root, port, image)
    if not is_run:
        password = f"$(sed 's/.*://' {shlex.quote(str(_password_path(home)))})"
        sys.stdout.write(f'{PASSWORD_VARIABLE}="{password}" {shlex.join(command)}\n')
        return
    password = _password(None, home)
    sys.stderr.write(f"llmwatch: note: Grafana comes up at http://localhost:{port}, user admin, password admin.\n")
    sys.stderr.flush()
    try:
        os.execvpe(command[0], command, {**os.environ, PASSWORD_VARIABLE: password})
    except FileNotFoundError as e:
        raise UsageError("docker is not installed.", "Without --run the command is printed.") from e


@app.command("check")
def check(
    since: Since = "7d",
    until: Until = None,
    wire: Wire = _LOCAL,
    sslmode: SslMode = None,
    password_file: PasswordFile = None,
    format_name: Format = "text",
    output: Output = None,
    home: Home = None,
) -> None:
    """Ask every query of every panel, variable, annotation and alert rule over the wire, as Grafana would.

    Exit code 1 if one of them fails. One without rows is right where the period has none.

    [dim]llmwatch dashboards check --since 30d[/dim]
    """
    one_of(format_name, FORMATS, "--format")
    begin, end = period(since, until, now_utc(None))
    address = wire_address(wire, sslmode)
    asked = Address(address.host, address.port, "llmwatch", _password(password_file, home), tls=_tls(address))
    total = sum(1 for _ in queries())
    checked: list[Checked] = []
    try:
        with progress_on_terminal("asking") as progress:
            for one in run_check(asked, begin, end):
                checked.append(one)
                if progress:
                    progress(len(checked), total)
    except OSError as e:
        raise UsageError(
            f"The wire at {address.text} cannot be asked: {e.strerror or e}.",
            "Is `llmwatch serve` running? --wire names its address.",
        ) from e
    write_report(checked_report(checked), format_name, output)
    if any(one.error for one in checked):
        raise typer.Exit(1)


def _tls(address: WireAddress) -> ssl.SSLContext | None:
    """As libpq means its sslmode: `require` takes any certificate."""
    if address.sslmode == "disable":
        return None
    context = ssl.create_default_context()
    if address.sslmode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _password_path(home: Path | None) -> Path:
    from ..wire.auth import FILE_NAME

    return settings_for(home).home / FILE_NAME


def _password(path: Path | None, home: Path | None) -> str:
    """The wire's password: of a file that has it alone or as libpq's passfile has it, else of the home."""
    if path is None:
        from ..wire.auth import load_password

        return load_password(settings_for(home).home)
    lines = path.read_text("utf-8").splitlines()
    password = lines[0].strip().rpartition(":")[2] if lines else ""
    if not password:
        raise UsageError(f"{path} is empty.", "It holds the wire's password in its first line.")
    return password
