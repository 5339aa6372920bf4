"""`tidegate up`, `down`, `watch`: the installation's processes, started in the background, ended by pid and birth."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.served import PROGRAM, Served, environment, note, served
from tidegate.cli.starting import start, told
from tidegate.cli.table import Command
from tidegate.errors import Refused, TidegateError

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
        running = start(home)
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
    known = told(home)
    known["prefect_url"] = f"http://127.0.0.1:{port}/api"
    (home / FILE).write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def _is_up(arguments: Namespace, home: Path, running: Served, *, already: bool) -> Exit:
    known = told(home)
    ui = str(known.get("prefect_url", "")).removesuffix("/api")
    values = known.get("values", {})
    if arguments.json:
        given = {"home": str(home), "pid": running.pid, "ui": ui, "values": values, "notes": known.get("notes", [])}
        terminal.give("up", {**given, "already": already})
        return Exit.DONE
    terminal.say(f"Tidegate is up{' already' if already else ''} (process {running.pid}, home {home}).")
    for line in known.get("notes", []):
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
