"""
Register every connector of `blocks/` with a Prefect server, so that its UI has their forms.

`python -m deployments.register`.

(`prefect block register -m blocks` registers nothing: blocks/__init__.py is empty on purpose.)
"""

from __future__ import annotations

import sys

from blocks.connect import known


def register() -> list[str]:
    """The slugs registered; registering again updates them."""
    done = []
    for slug, kind in sorted(known().items()):
        kind.register_type_and_schema()
        done.append(slug)
    return done


def main() -> int:
    done = register()
    print(f"{len(done)} connectors registered: {', '.join(done)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
