"""A process that is kept alive: started again when it dies, ended when it hangs."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
AGAIN = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before a child that died is started again; the last one repeats


@dataclass(slots=True)
class Child:
    """A process that is kept alive."""

    name: str
    argv: list[str]
    env: dict[str, str]
    log: Path
    nice: int = 0
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    due: float = 0.0
    started: float = field(default=0.0)
    ending: bool = False

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["nice", "-n", str(self.nice), *self.argv],
                env=self.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started, self.ending = time.monotonic(), False

    def keep(self) -> None:
        """Start it again when it has died, later each time."""
        if self.process is not None and self.process.poll() is None:
            if time.monotonic() - self.started > 60:
                self.deaths = 0
            return
        now = time.monotonic()
        if self.process is not None:
            self.due = now + AGAIN[min(self.deaths, len(AGAIN) - 1)]
            self.deaths, self.process = self.deaths + 1, None
        elif now >= self.due:
            self.start()

    def hangs(self, why: str) -> None:
        """It lives and does nothing: end it, so that `keep` starts it again; its log says why."""
        if self.process is None or self.process.poll() is not None:
            return
        with self.log.open("ab") as log:
            told = f"{time.strftime('%H:%M:%S')} tidegate: {self.name} {why}; it is ended and started again\n"
            log.write(told.encode())
        self.process.kill()
        self.process.wait(5)

    def ask_to_end(self) -> None:
        """SIGTERM, once; it may take its time."""
        if self.process is not None and self.process.poll() is None and not self.ending:
            self.ending = True
            self.process.send_signal(signal.SIGTERM)

    def stop(self, within: float = 5.0) -> None:
        """Ask it to end, and end it after so many seconds."""
        if self.process is None or self.process.poll() is not None:
            return
        self.ask_to_end()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
