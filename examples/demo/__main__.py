"""
`make demo`: a real release on this machine, from an empty folder to a report.

Exit code 0 only when the release ended as its version deserves and everything else in the table is true. `up` and
`down` leave the same system running for a person.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from deployments.serve import Serving
from examples.demo.following import Followed, follow
from examples.demo.pace import slowness
from examples.demo.showing import problems, show, steps_seen, why
from examples.demo.stage import ROOT, Stage, end_left_over, versions
from tidegate.errors import TidegateError

COMPRESS = 200  # the spec's half hour is nine seconds; samples and machine time-outs are not compressed
RATE = 740  # customers' requests a second, half to each component
SLOTS = 2  # verifications that the demo waits for
WITHIN = 150.0  # seconds for one release on a usual machine; up to three times as long on a slow one
ALIVE = 8  # seconds: grace and lease of an attempt


class Demo:
    """One run of the demo: stage, server, releases, table."""

    def __init__(self, home: Path, console: Console) -> None:
        self.home, self.console, self.began = home, console, time.monotonic()
        os.environ["TIDEGATE_HOME"] = str(home)
        self.stage = Stage(home)
        self.slower = slowness()
        self.rate = int(RATE / self.slower / 2) * 2
        alive, compress = round(ALIVE * self.slower), round(COMPRESS / self.slower)
        settings = {
            "compress": compress,
            "seconds": {"grace": alive, "lease": alive},
            "values": {"shop_rate": str(self.rate // 2)},
        }
        self.serving = Serving(home, settings, fresh=True)
        self.told: dict[str, Any] = {}
        self.keeper = threading.Thread(target=self.serving.keep, name="keeper", daemon=True)

    def say(self, line: str) -> None:
        self.console.print(
            f"[dim]{time.monotonic() - self.began:6.1f} s[/dim]  {line}", highlight=False, soft_wrap=True
        )

    def start(self, *wanted: str) -> None:
        """Server, runner, watch, proxy, shop and customers."""
        if self.slower > 1:
            self.say(f"a slow machine: {self.rate} requests a second instead of {RATE}, and all takes longer")
        gone = end_left_over(self.home)
        if gone:
            self.say(f"{gone} processes of an interrupted demo ended")
        self.stage.clear()

        def shop() -> None:
            self.stage.build(*wanted)
            self.stage.open_shop(versions()["stable"])

        self.told = self.serving.start(shop)
        self.keeper.start()
        for note in self.serving.notes:
            self.say(note)
        self.stage.let_customers_in(self.told["values"]["shop_url"], self.rate)
        self.say(f"shop at {self.told['values']['shop_url']}, Prefect's UI at {self.ui}")

    @property
    def ui(self) -> str:
        return str(self.told["prefect_url"]).removesuffix("/api")

    def release(self, chosen: dict[str, Any], name: str) -> Followed:
        """One release through Prefect, as a person would start it."""
        runs = PrefectRuns(self.told["prefect_url"], timeout=10)
        self.await_deployment(runs)
        request = {"version": chosen["version"], "reason": f"make demo RELEASE={name}", "requester": "make demo"}
        run_id = runs.start("release", "shop", {"request": request})
        self.say(f"release {chosen['version']} started: {self.ui}/runs/flow-run/{run_id}")
        decision = "approve" if chosen["approver"] == "approves" else "reject"
        ledger = SqlLedger(f"sqlite:///{self.home}/ledger.db")
        late = chosen["ends"] == "rolled back late"
        return follow(ledger, runs, run_id, decision, self.say, slots=SLOTS, late=late, within=WITHIN * self.slower)

    def await_deployment(self, runs: PrefectRuns) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                runs.deployment("release", "shop")
                return
            except TidegateError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def stop(self) -> None:
        self.stage.close()
        self.serving.end()
        if self.keeper.is_alive():
            self.keeper.join(3)
        self.stage.end_instances()
        self.serving.stop(proxy=True)


def demo(name: str, home: Path, console: Console) -> int:
    """Run the named release (and its second act, where the map has one); 0 when all of it is true."""
    known = versions()
    acts = [name, *([f"{name}-late"] if f"{name}-late" in known["releases"] else [])]
    if name not in known["releases"]:
        console.print(f"no release {name!r}; there are {', '.join(known['releases'])}")
        return 2
    run, failed = Demo(home, console), 0
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run.start(known["stable"], *(known["releases"][act]["version"] for act in acts))
        for act in acts:
            failed += _act(run, known["releases"][act], act)
    except (TidegateError, TimeoutError) as no:
        console.print(f"\nnot done: {no} {getattr(no, 'advice', '')}", markup=False)
        failed += 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; a second run works as the first")
        failed += 1
    finally:
        run.stop()
    return 1 if failed else 0


def _interrupt(*_: int | FrameType | None) -> None:
    raise KeyboardInterrupt


def _act(run: Demo, chosen: dict[str, Any], name: str) -> int:
    followed = run.release(chosen, name)
    time.sleep(0.8)  # the customers' account, written every half second
    account = run.stage.counted()
    steps = steps_seen(followed, account, chosen["version"])
    show(run.console, followed, steps, account)
    wrong = problems(followed, steps, account, chosen["ends"], SLOTS)
    reason = why(followed)
    if reason:
        run.console.print(f"why: {reason}", highlight=False, soft_wrap=True)
    for line in wrong:
        run.console.print(f"[bold]not as it must be:[/bold] {line}", highlight=False, soft_wrap=True)
    if not wrong:
        run.console.print(f"As it deserves: {chosen['ends']} ({chosen['because']}).", highlight=False, soft_wrap=True)
    _links(run, followed)
    return len(wrong)


def _links(run: Demo, followed: Followed) -> None:
    report = next((b["location"] for b in followed.story.answers.values() if b.get("event") == "report-written"), "")
    say = run.console.print
    say(f"  report    file://{report}", soft_wrap=True, highlight=False)
    say(f"  UI        {run.ui} (while a demo or `make up` runs)", highlight=False)
    say(f"  shop      {run.told['values']['shop_url']}", highlight=False)
    say("next: make up                      the same system, left running for you", highlight=False)
    say("      make demo RELEASE=bad        a version that deserves to be shut out", highlight=False)
    say(f"      .venv/bin/tidegate report {followed.release} --verify {report}", highlight=False, soft_wrap=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--release", default="good", help=f"one of {', '.join(versions()['releases'])}")
    parser.add_argument("--home", type=Path, default=ROOT / ".tidegate" / "demo")
    asked = parser.parse_args()
    os.umask(0o077)
    asked.home.mkdir(parents=True, exist_ok=True)
    return demo(asked.release, asked.home.resolve(), Console())


if __name__ == "__main__":
    sys.exit(main())
