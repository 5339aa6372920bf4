"""A component under uvicorn, on one loopback port, until SIGTERM."""

import os

import uvicorn

from shop.release import Release, Unusable
from shop.trouble import trouble_of
from shop.web import Shell, Site


def serve(site: Site, release: Release) -> None:
    """Answer requests until SIGTERM; then finish what is in flight and return."""
    text = os.environ.get("PORT", "")
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Unusable(f"PORT is {text!r}; it must be a port between 1 and 65535.")
    config = uvicorn.Config(
        Shell(site, release, trouble_of(release)),
        host=os.environ.get("HOST", "127.0.0.1"),
        port=int(text),
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than a proxy keeps its idle connections (Traefik: 90 s): the side that sends next must
        # be the one that closes, or a request meets a connection that is just going away.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=20,
    )
    try:
        uvicorn.Server(config).run()
    finally:
        site.close()
