"""What takes flow runs on one machine: `serve` of every system's deployments. `python -m deployments.runner`."""

from __future__ import annotations

import sys
from pathlib import Path

from prefect import serve
from prefect.deployments.runner import RunnerDeployment

from blocks.installation import Installation
from flows.release import release
from flows.rollback import rollback
from flows.verify import verify

LIMIT = 20  # run processes at once; a bake holds one


def deployments(folder: Path) -> list[RunnerDeployment]:
    """Three a system: release, rollback, verify; the system's name is the deployment's."""
    made = []
    for path in sorted(folder.glob("*.yaml")):
        for flow in (release, rollback, verify):
            made.append(flow.to_deployment(path.stem, tags=["tidegate", f"system:{path.stem}"]))
    return [one for one in made if isinstance(one, RunnerDeployment)]


def main() -> int:
    installation = Installation.here()
    serve(*deployments(installation.releases), pause_on_shutdown=False, limit=LIMIT, print_starting_message=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
