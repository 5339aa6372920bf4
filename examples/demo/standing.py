"""
`make up` and `make down`: the shop, its customers and all of Tidegate, left running for a person.

What a person does with it: start `release/shop` in Prefect's UI, resume the approval, watch, roll back.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from blocks.installation import FILE
from blocks.traefik_process import TraefikProcess
from examples.demo.stage import ROOT, Stage, versions

COMPRESS = 60  # a half-hour bake is thirty seconds: time to look, and to change one's mind
RATE = 700
GRACE = 8.0  # seconds; the lease has as many


def up(home: Path, rate: int = RATE, compress: int = COMPRESS, grace: float = GRACE) -> int:
    """Start what does not run yet; the second time it only says where everything is."""
    os.environ["TIDEGATE_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    stage = Stage(home)
    stage.build("all")
    seconds = {"grace": grace, "lease": GRACE}
    settings = {"compress": compress, "seconds": seconds, "values": {"shop_rate": str(rate // 2)}}
    began = _tidegate("up", {"TIDEGATE_SETTINGS": json.dumps(settings)})
    if began:
        return began
    told = json.loads((home / FILE).read_text("utf-8"))
    if not list((home / "proxy" / "routes").glob("shop-*.yaml")):
        stage.open_shop(versions()["stable"])
    else:
        stage.wake_instances()
    stage.let_customers_in(told["values"]["shop_url"], rate, forever=True)
    ui = str(told["prefect_url"]).removesuffix("/api")
    print(f"\n  UI        {ui}/deployments   (release/shop, Run, version 2.0)")
    print(f"  shop      {told['values']['shop_url']}")
    print(f"  reports   file://{home}/reports")
    print(f"\nTime is compressed: half an hour of the spec is {1800 // compress} seconds here.")
    print("next: .venv/bin/tidegate status shop --watch · .venv/bin/tidegate rollback shop · make down")
    return 0


def down(home: Path) -> int:
    """End all of it: customers, servers, proxy, instances."""
    os.environ["TIDEGATE_HOME"] = str(home)
    stage = Stage(home)
    stage.close()
    ended = _tidegate("down", {})
    TraefikProcess(home / "proxy").stop()
    stage.rest_instances()
    print("The shop and its customers have ended, too.")
    return ended


def _tidegate(verb: str, more: dict[str, str]) -> int:
    argv = [sys.executable, "-m", "tidegate.cli", verb]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **more}, timeout=300, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.demo.standing", description=__doc__)
    parser.add_argument("verb", choices=("up", "down"))
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("TIDEGATE_HOME", ROOT / ".tidegate")))
    parser.add_argument("--rate", type=int, default=RATE, help="customers' requests a second")
    parser.add_argument("--compress", type=int, default=COMPRESS, help="divides the spec's own waits")
    parser.add_argument("--grace", type=float, default=GRACE, help="seconds before a dead run is started again")
    asked = parser.parse_args()
    os.umask(0o077)
    home = asked.home.resolve()
    return up(home, asked.rate, asked.compress, asked.grace) if asked.verb == "up" else down(home)


if __name__ == "__main__":
    sys.exit(main())
