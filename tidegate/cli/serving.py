"""`tidegate up`, `down`, `watch`: the installation's processes, started in the background, ended by pid and birth."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.served import PROGRAM, Served, environment, note, served
from tidegate.cli.table import Command
from tidegate.errors import Refused, TidegateError

UP_WITHIN = 150.0  # seconds; a fresh database and a busy machine take 30
DOWN_WITHIN = 45.0  # seconds: children 5 each, requests in flight at the proxy 10
WATCH_WITHIN = 60.0  # it imports as long as the runner beside it does


def _up_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--foreground", action="store_true", help="stay in this terminal until Ctrl-C")
    parser.add_argument(
        "--port", type=int, help="Prefect's port (default: the one of last time, else 4200 or a free one)"
    )


def _down_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--proxy", action="store_true", help="end the embedded proxy, too: nobody is served through it then"
    )


def _nothing(_: ArgumentParser) -> None:
    return None


def _up(arguments: Namespace) -> Exit:
    home = here.home()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(home):
        running = served(home)
        if running is not None:
            return _is_up(arguments, home, running, already=True)
        if arguments.port is not None:
            _choose_port(home, arguments.port)
        if arguments.foreground:
            note(home, os.getpid())
            _become(PROGRAM, home)
        running = _start(home)
    return _is_up(arguments, home, running, already=False)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Two `up` at once would start two servers over one database."""
    with (home / ".up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another `tidegate up` is starting {home}", "wait for it; tidegate doctor tells") from None
        yield


def _choose_port(home: Path, port: int) -> None:
    """Where the server looks for its port of last time."""
    from blocks.installation import FILE

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as taken:
            raise Refused(f"port {port} cannot be had: {taken}", "name another, or leave out --port") from None
    told = _told(home)
    told["prefect_url"] = f"http://127.0.0.1:{port}/api"
    (home / FILE).write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def _told(home: Path) -> dict[str, Any]:
    from blocks.installation import FILE

    try:
        told: dict[str, Any] = json.loads((home / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told


def _start(home: Path) -> Served:
    """Start it, and stay until it serves; TidegateError with its last words when it does not."""
    logs = home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    with (logs / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM],
            cwd=here.root(),
            env=environment(home, here.root()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the end of this terminal is not its end
        )
    running = note(home, process.pid)
    try:
        _wait("Starting Prefect's server and the proxy", lambda: _is_ready(home, process), UP_WITHIN)
        _wait("Bringing the deployments to Prefect", lambda: _serves(home, process), UP_WITHIN)
        _wait("Waiting for the watch", lambda: _watches(process), WATCH_WITHIN)
    except TidegateError:
        if process.poll() is None:
            process.terminate()
        raise
    return running


def _wait(what: str, done: Callable[[], bool], within: float) -> None:
    began = time.monotonic()
    terminal.tell(f"{what} ...")
    while not done():
        if time.monotonic() - began > within:
            raise TidegateError(f"{what}: not done within {within:.0f} s", f"see the logs in {here.home() / 'logs'}")
        time.sleep(0.2)


def _lives(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        log = here.home() / "logs" / "serve.log"
        lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()][-2:]
        raise TidegateError(f"it ended at once: {' '.join(lines) or 'it wrote nothing'}", f"see {log}")


def _is_ready(home: Path, process: subprocess.Popen[bytes]) -> bool:
    _lives(process)
    try:
        return (home / "ready").read_text("ascii").strip() == str(process.pid)
    except OSError:
        return False


def _serves(home: Path, process: subprocess.Popen[bytes]) -> bool:
    """Whether Prefect knows every system's deployments."""
    from blocks.prefect_runs import PrefectRuns
    from tidegate.errors import ConnectorError

    _lives(process)
    runs = PrefectRuns(str(_told(home)["prefect_url"]))
    systems = [path.stem for path in (here.root() / "deployments" / "releases").glob("*.yaml")]
    try:
        return all(runs.deployment(flow, system) for system in systems for flow in ("release", "rollback", "verify"))
    except ConnectorError:
        return False


def _watches(process: subprocess.Popen[bytes]) -> bool:
    from tidegate.cli.opened import Opened
    from tidegate.cli.served import watch_lease
    from tidegate.errors import LedgerUnavailable

    _lives(process)
    try:
        lease = watch_lease(Opened.here().ledger)
    except LedgerUnavailable:
        return False
    return lease is not None and lease.left > 0


def _is_up(arguments: Namespace, home: Path, running: Served, *, already: bool) -> Exit:
    told = _told(home)
    ui = str(told.get("prefect_url", "")).removesuffix("/api")
    values = told.get("values", {})
    if arguments.json:
        given = {"home": str(home), "pid": running.pid, "ui": ui, "values": values, "notes": told.get("notes", [])}
        terminal.give("up", {**given, "already": already})
        return Exit.DONE
    terminal.say(f"Tidegate is up{' already' if already else ''} (process {running.pid}, home {home}).")
    for line in told.get("notes", []):
        terminal.say(f"  {line}")
    terminal.say(f"  Prefect   {ui}")
    if values.get("proxy_url"):
        terminal.say(f"  proxy     {values['proxy_url']}")
    terminal.say(f"  logs      {home / 'logs'}")
    terminal.say("Next: tidegate release SYSTEM VERSION · tidegate status · tidegate down")
    return Exit.DONE


def _down(arguments: Namespace) -> Exit:
    home = here.home()
    running = served(home)
    if running is None:
        return _is_down(arguments, home, None)
    os.kill(running.pid, signal.SIGTERM)
    began = time.monotonic()
    terminal.tell(f"Ending process {running.pid} and what it keeps ...")
    while running.lives:
        if time.monotonic() - began > DOWN_WITHIN:
            raise TidegateError(
                f"process {running.pid} has not ended within {DOWN_WITHIN:.0f} s", f"see {home / 'logs' / 'serve.log'}"
            )
        time.sleep(0.1)
    return _is_down(arguments, home, running.pid)


def _is_down(arguments: Namespace, home: Path, pid: int | None) -> Exit:
    from blocks.traefik_process import TraefikProcess

    (home / "serve.json").unlink(missing_ok=True)
    if arguments.proxy:
        TraefikProcess(home / "proxy").stop()
    proxy = TraefikProcess(home / "proxy").running()
    if arguments.json:
        terminal.give("down", {"home": str(home), "pid": pid, "proxy": proxy.pid if proxy else None})
        return Exit.DONE
    terminal.say(f"Nothing of {home} was running." if pid is None else f"Ended process {pid} and what it kept.")
    terminal.say("Every version's instances keep running and the weights stay as they are in the route files.")
    if proxy is not None:
        terminal.say(f"The proxy goes on serving them (process {proxy.pid}).")
    elif pid is not None or arguments.proxy:
        terminal.say("The proxy has ended: nobody is served through it until tidegate up.")
    terminal.say("Nothing is raised meanwhile, and nobody judges; tidegate rollback works.")
    return Exit.DONE


def _watch(_: Namespace) -> Exit:
    terminal.tell("The watch runs in this terminal; a second one stands by. Ctrl-C ends it.")
    _become("deployments.watch", here.home())


def _become(module: str, home: Path) -> NoReturn:
    """Let this process be that program: signals reach it directly."""
    sys.stdout.flush()
    os.chdir(here.root())
    argv = [sys.executable, "-m", module]
    os.execve(sys.executable, argv, environment(home, here.root()))  # noqa: S606  # an argument list, and no shell


COMMANDS = {
    "up": Command(
        examples=(
            ("tidegate up", "start everything in the background and print the links"),
            ("tidegate up --foreground --port 4300", "stay in this terminal; Prefect's pages at port 4300"),
        ),
        arguments=_up_arguments,
        run=_up,
        more="Prefect's server, what runs the flows, the watch and the embedded proxy; whatever dies is started again.",
    ),
    "down": Command(
        examples=(
            ("tidegate down", "end what `tidegate up` started here; the proxy goes on serving"),
            ("tidegate down --proxy", "end the proxy, too"),
        ),
        arguments=_down_arguments,
        run=_down,
        more="Versions keep running and weights stay; a release under way goes on after the next `tidegate up`.",
    ),
    "watch": Command(
        examples=(
            ("tidegate watch", "look, judge and lower from this terminal, without Prefect"),
            ("tidegate watch --home /srv/tidegate", "stand by for another installation"),
        ),
        arguments=_nothing,
        run=_watch,
        more="`tidegate up` runs one already; another one stands by and takes over within seconds.",
    ),
}
