"""
The program that starts one instance and stays its parent: `python process_platform_keeper.py NAME`.

Two moves, so that no instance ever runs that nobody wrote down: it forks a child that waits, tells the
child's process id, and lets it run when told "go". Should whoever started us die in between, the child ends
before it began. Afterwards it only waits, and writes down how the instance ended. It needs the standard
library and nothing of Tidegate: an instance outlives upgrades.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

# What Python itself or a starter under nohup ignores would stay ignored in the instance.
RESET = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


def main() -> None:
    """Start what the order on standard input says, then keep it."""
    order = json.loads(sys.stdin.readline())
    gate, opening = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(opening)
        become(order, gate)
    os.close(gate)
    print(child, flush=True)  # noqa: T201 - the answer to whoever started us
    if sys.stdin.readline() == "go\n":
        with contextlib.suppress(OSError):
            os.write(opening, b"g")
    os.close(opening)
    let_go()
    # WNOWAIT keeps the process id until the end is written: who finds no process finds the reason.
    end = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    if end is not None:
        write_end(Path(order["ended"]), child, end.si_status if end.si_code == os.CLD_EXITED else -end.si_status)
    os.waitpid(child, 0)


def become(order: dict[str, Any], gate: int) -> NoReturn:
    """In the child: wait for the word, then be the instance, in a session and process group of its own."""
    os.setsid()
    if os.read(gate, 1) != b"g":
        os._exit(0)
    for number in RESET:
        signal.signal(number, signal.SIG_DFL)
    command = order["command"]
    try:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        for stream, file in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
            os.dup2(file, stream)
        os.chdir(order["folder"])
        os.execvpe(command[0], command, order["environment"])  # noqa: S606 - a shell is what we avoid
    except OSError as why:
        os.write(2, f"{command[0]} could not be started: {why.strerror}\n".encode())
    os._exit(127)


def let_go() -> None:
    """Hold nothing of whoever started us."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.chdir("/")


def write_end(file: Path, child: int, code: int) -> None:
    """How it ended (a signal as a negative number). When the folder is gone, nobody asks any more."""
    with contextlib.suppress(OSError):
        fresh = file.with_suffix(".fresh")
        fresh.write_text(json.dumps({"pid": child, "code": code}))
        fresh.rename(file)


if __name__ == "__main__":
    main()
