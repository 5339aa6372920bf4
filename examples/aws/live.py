"""
`tidegate rehearse greenflow --live`: GreenFlow's plans on AWS's API, with real processes, a real proxy and customers.

ECS, the load balancer and their errors are moto's; what runs behind them (tasks, targets, the split of requests) is
this folder's stand-in; plan, kernel, watch, ledger and connectors are the real ones, without Prefect (`driver.py`).
Exit code 0 only when all that the table shows is true.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from blocks.folder_registry import FolderRegistry
from blocks.sql_ledger import SqlLedger
from examples.aws.double import CREDENTIALS, AwsDouble
from examples.aws.ground import Ground, deploy, lay
from examples.aws.plane import Plane
from examples.aws.spec import GROUPS, greenflow
from examples.aws.world import Image, World
from examples.demo.following import Followed, catch_up
from examples.demo.pace import slowness
from examples.demo.showing import failed_of_sent, show, steps_seen, why
from examples.demo.stage import ROOT, Stage, end_left_over
from tidegate.errors import TidegateError
from tidegate.story import State

STABLE, GOOD, BAD = "1.0", "2.0", "2.1"
COUNTS = {"api": 3, "frontend": 1}
RATE = 80  # customers' requests a second, half to each component
COMPRESS = 60  # the plan's ten minutes are ten seconds
TURN = 0.3  # seconds between two turns of the world and of the data plane


class Live:
    """One live rehearsal: AWS on loopback, the first version deployed by hand, Prefect, one release, one table."""

    def __init__(self, home: Path, console: Console, *, plan: str, bad: bool) -> None:
        self.home, self.console, self.plan, self.began = home, console, plan, time.monotonic()
        self.version = BAD if bad else GOOD
        self.slower = slowness()
        os.environ |= CREDENTIALS | {"TIDEGATE_HOME": str(home), "TIDEGATE_ROOT": str(ROOT)}
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        self.double, self.stage = AwsDouble(), Stage(home)
        self.world = World(home / "tasks", every=TURN)
        self.plane: Plane | None = None
        self.spec_text = ""
        self.looks = 0
        self.began_release = 0.0

    def say(self, line: str) -> None:
        self.console.print(
            f"[dim]{time.monotonic() - self.began:6.1f} s[/dim]  {line}", highlight=False, soft_wrap=True
        )

    # ---- what stands before

    def start(self) -> None:
        end_left_over(self.home)
        self.stage.clear()
        shutil.rmtree(self.home / "tasks", ignore_errors=True)
        self.stage.build(STABLE, self.version)
        self.double.start()
        ground = lay(self.double, {"/api/*": GROUPS["api"], "/*": GROUPS["frontend"]})
        self._deploy(ground)
        self.world.start()
        self.plane = Plane(self.double, self.home / "plane", every=TURN).start()
        self._await_blue()
        self.say(f"AWS on loopback at {self.double.url}; {STABLE} serves at {self.plane.url}")
        self._write_spec(ground)
        self.stage.let_customers_in(self.plane.url, RATE)
        self.say(f"customers ask {RATE} times a second")

    def _deploy(self, ground: Ground) -> None:
        """Images are the artifacts' own digests; blue's services as a team would have made them."""
        registry = FolderRegistry(directory=self.home / "registry")
        for component, (blue, _) in GROUPS.items():
            for version in (STABLE, self.version):
                folder = self.home / "artifacts" / version / component
                environment = {"SHOP_DATABASE": str(self.home / "shop.db"), "SHOP_INSTANCES": str(COUNTS[component]),
                               "SHOP_EXPECTED_RATE": str(RATE // 2)}  # fmt: skip
                digest = registry.push(str(folder))
                self.world.images[digest] = Image(folder, ("serve.py", component), environment)
                if version == STABLE:
                    deploy(self.double, ground, service=f"greenflow-{component}", group=blue, count=COUNTS[component],
                           clusters=clusters(component), environment={},
                           image=f"123456789012.dkr.ecr.us-east-1.amazonaws.com/glec-{component}@{digest}")  # fmt: skip

    def _await_blue(self) -> None:
        until = time.monotonic() + 60 * self.slower
        while sum(run.healthy for run in self.world.runs) < sum(COUNTS.values()):
            if time.monotonic() > until:
                raise TimeoutError(f"blue did not come up; see {self.home / 'tasks'}")
            time.sleep(0.2)

    def _write_spec(self, ground: Ground) -> None:
        assert self.plane is not None
        assert self.plane.web is not None
        from blocks.alb_router import AlbRouter  # loads Prefect, while blue starts
        from blocks.connect import read_spec

        spec = greenflow(self.home, self.double.url, ground, self.plane.web.metrics_url, self.plan, COUNTS, clusters)
        self.spec_text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
        read_spec(self.spec_text.encode(), "greenflow.yaml", COMPRESS)  # a mistake is told before anything starts
        for part in spec["components"].values():  # what docs/aws/README.md lets a person type once
            AlbRouter(**{name: value for name, value in part["router"].items() if name != "use"}).install()

    # ---- the release

    def release(self) -> Followed:
        from blocks.connect import read_spec
        from examples.aws.driver import Driver

        self.double.calls.clear()
        self.began_release = time.monotonic()
        driver, over = (
            Driver(read_spec(self.spec_text.encode(), "greenflow.yaml", COMPRESS), self.home),
            threading.Event(),
        )
        followed, ledger = Followed(""), SqlLedger(driver.url)

        def tell() -> None:
            while not over.wait(0.5):
                catch_up(ledger, "rehearsal", followed, self.say)

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        self.say(f"release {self.version} by plan {self.plan} begins")
        try:
            driver.run(self.spec_text, self.version, self.plan, self.say)
        finally:
            over.set()
            teller.join(10)
            self.looks = driver.looks
        catch_up(ledger, "rehearsal", followed, self.say)
        return followed

    def shown(self, followed: Followed) -> list[str]:
        """The table, and what in it is not as it must be."""
        time.sleep(1.5)  # the customers' account of the last second
        account = self.stage.counted()
        steps = steps_seen(followed, account, self.version)
        show(self.console, followed, steps, account)
        self._show_calls(followed)
        story, bad = followed.story, self.version == BAD
        said = [] if story.state is (State.ROLLED_BACK if bad else State.PROMOTED) else [f"it ended as {story.state}"]
        if not bad:
            failed = failed_of_sent(account)
            said += [f"{failed} of the customers' requests failed"] if failed else []
            said += (
                [] if [one.verdict for one in steps] == ["PASS"] * len(steps) and steps else ["not every step passed"]
            )
        else:
            self._show_rollback(account)
            self.console.print(f"why: {why(followed)}", highlight=False, soft_wrap=True)
        return said

    def _show_calls(self, followed: Followed) -> None:
        """What AWS would have counted and throttled: every call of Tidegate's, botocore's repetitions included."""
        calls, minutes = self.double.counted(), max(0.1, (time.monotonic() - self.began_release) / 60)
        table = Table(title=f"{sum(calls.values())} calls to AWS, {sum(calls.values()) / minutes:.0f} a minute, "
                      f"{self.looks} looks of the watch",
                      title_justify="left")  # fmt: skip
        table.add_column("call")
        table.add_column("times", justify="right")
        for call, times in calls.most_common():
            table.add_row(call, str(times))
        self.console.print(table)

    def _show_rollback(self, account: Mapping[str, Any]) -> None:
        """Seconds from the first request that the bad version failed to the last that it answered at all."""
        seconds = account.get("seconds", [])
        hurt = [one["at"] for one in seconds if one["failed"]]
        met = [one["at"] for one in seconds if any(self.version in part for part in one["answers"].values())]
        if hurt and met:
            self.console.print(
                f"{sum(one['failed'] for one in seconds)} requests failed; {max(met) + 1 - min(hurt)} s from the first "
                "of them to the last answer of the bad version",
                highlight=False,
            )

    def stop(self) -> None:
        self.stage.close()
        if self.plane is not None:
            self.plane.stop()
        self.world.stop()
        self.double.stop()


def clusters(component: str) -> dict[str, str]:
    name = "greenflow-production" if component == "api" else f"greenflow-{component}"
    return {"blue": f"{name}-blue", "green": f"{name}-green"}


def rehearse_live(plan: str, *, bad: bool, home: Path | None = None) -> int:
    """0 only if all of it is true."""
    os.umask(0o077)
    folder = (home or ROOT / ".tidegate" / "live").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    run = Live(folder, console, plan=plan, bad=bad)
    try:
        run.start()
        wrong = run.shown(run.release())
    except (TidegateError, TimeoutError) as no:
        wrong = [f"not done: {no} {getattr(no, 'advice', '')}"]
    except KeyboardInterrupt:
        wrong = ["interrupted"]
    finally:
        run.stop()
    for line in wrong:
        console.print(f"not as it must be: {line}", markup=False, soft_wrap=True)
    if not wrong:
        console.print("All of it is true.", highlight=False)
    return 1 if wrong else 0
