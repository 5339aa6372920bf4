#!/usr/bin/env python3
"""
The one command of an unpacked artifact: `python serve.py api`, `... frontend`, `... migrate`.

It runs from inside the artifact's folder and is configured by environment:

    PORT                where to listen (required, except by migrate)
    HOST                at which address (default 127.0.0.1)
    SHOP_DATABASE       the SQLite file (api and migrate; required)
    TIDEGATE_DIGEST     the artifact's digest, reported by /health and /version
    SHOP_INSTANCE       this instance's name (default: the process id)
    SHOP_EXPECTED_RATE  requests a second that all customers together bring to this component (default 350)
    SHOP_INSTANCES      how many instances of this version share them (default 1)
"""

import os
import signal
import sys
from pathlib import Path

# An artifact is immutable: compiled files beside the sources would change its digest.
sys.dont_write_bytecode = True
# A stop before the server listens: nothing is in flight. uvicorn takes the signals over while it serves,
# finishes what it began, and raises them again afterwards: also then the exit code is 0.
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(0))

from shop.release import Release, Unusable, read_release  # noqa: E402 - the lines above come first
from shop.serving import serve  # noqa: E402
from shop.web import Site  # noqa: E402

HERE = Path(__file__).resolve().parent


def main(words: list[str]) -> None:
    """Do the one thing asked for."""
    release = read_release(HERE / "version.json")
    match words:
        case ["api"]:
            serve(api(release), release)
        case ["frontend"]:
            serve(frontend(release), release)
        case ["migrate"]:
            migrate(release)
        case _:
            raise Unusable(f"Say `python serve.py {release.component}`, or migrate, which an api has.")


def api(release: Release) -> Site:
    """The api on its database, which is brought to this version's schema first."""
    release.must_be("api")
    from shop.api import Api  # a frontend's artifact does not have it
    from shop.database import Database

    database = Database(database_path(), HERE / "migrations")
    database.migrate()
    return Api(database, reviews="reviews" in release.features)


def frontend(release: Release) -> Site:
    """The two pages, rendered once at the start."""
    release.must_be("frontend")
    from shop.frontend import Frontend  # an api's artifact does not have it

    return Frontend(HERE / "pages", release.version, release.accent, reviews="reviews" in release.features)


def migrate(release: Release) -> None:
    """Bring the database to this version's schema; doing it twice changes nothing."""
    release.must_be("api")
    from shop.database import Database  # as above

    done = Database(database_path(), HERE / "migrations").migrate()
    print(f"migrated: {', '.join(done)}" if done else "nothing to migrate")


def database_path() -> Path:
    """The SQLite file named by the environment."""
    path = os.environ.get("SHOP_DATABASE", "")
    if not path:
        raise Unusable("SHOP_DATABASE is not set; it names the SQLite file of the shop.")
    return Path(path)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Unusable as reason:
        print(f"shop: {reason}", file=sys.stderr)
        sys.exit(2)
