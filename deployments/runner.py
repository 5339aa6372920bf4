"""What takes flow runs on one machine: `serve` of every system's deployments. `python -m deployments.runner`."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from blocks.built_connectors import obstacles
from blocks.installation import Installation
from blocks.yaml_reading import read_spec
from deployments.register import register
from flows.release import release
from flows.rollback import rollback
from flows.verify import verify
from tidegate.errors import SpecError

LIMIT = 20  # run processes at once; a bake holds one
FORMS_AFTER = 45.0  # seconds; the connectors' forms in Prefect's UI can wait, a release that starts cannot
LOG = logging.getLogger("tidegate.runner")


def deployments(folder: Path) -> list[RunnerDeployment]:
    """
    Three a system: release, rollback, verify; the system's name is the deployment's.

    A system that a real release would refuse is not offered: whoever starts one from Prefect's UI should not learn that
    afterwards. The log says why; a spec that cannot be read is offered, so that its mistake is told where people look.
    """
    made = []
    for path in sorted(folder.glob("*.yaml")):
        if _refused(path):
            continue
        for flow in (release, rollback, verify):
            made.append(flow.to_deployment(path.stem, tags=["tidegate", f"system:{path.stem}"]))
    return [one for one in made if isinstance(one, RunnerDeployment)]


def _refused(path: Path) -> bool:
    try:
        hindered = obstacles(read_spec(path.read_bytes(), path.name))
    except (SpecError, OSError):
        return False
    if hindered:
        LOG.warning("%s is not offered: %s things that a real release lacks; tidegate check %s --real names them",
                    path.stem, len(hindered), path.stem)  # fmt: skip
    return bool(hindered)


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
