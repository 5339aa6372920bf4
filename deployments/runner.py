"""What takes flow runs on one machine: `serve` of every system's deployments. `python -m deployments.runner`."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from blocks.installation import Installation
from deployments.offers import offered, withheld
from deployments.register import register
from flows.release import release
from flows.rollback import rollback
from flows.verify import verify

LIMIT = 20  # run processes at once; a bake holds one
FORMS_AFTER = 45.0  # seconds; the connectors' forms in Prefect's UI can wait, a release that starts cannot
LOG = logging.getLogger("tidegate.runner")


def deployments(folder: Path) -> list[RunnerDeployment]:
    """Three a system that is offered: release, rollback, verify; the system's name is the deployment's."""
    for system, count in withheld(folder).items():
        LOG.warning("%s is not offered: %s things that a real release lacks; tidegate check %s --real names them",
                    system, count, system)  # fmt: skip
    made = [
        flow.to_deployment(system, tags=["tidegate", f"system:{system}"])
        for system in offered(folder)
        for flow in (release, rollback, verify)
    ]
    return [one for one in made if isinstance(one, RunnerDeployment)]


def show_forms() -> None:
    """Register the connectors, so that Prefect's UI has their forms; a release never needs it."""
    try:
        print(f"{len(register())} connectors registered", flush=True)
    except Exception as why:  # noqa: BLE001  # Prefect's client has many ways to fail, and none of them matters here
        LOG.warning("connectors are not registered: %s; python -m deployments.register does it", why)


def main() -> int:
    installation = Installation.once_told()
    later = threading.Timer(FORMS_AFTER, show_forms)
    later.daemon = True
    later.start()
    serve(*deployments(installation.releases), pause_on_shutdown=False, limit=LIMIT, print_starting_message=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
