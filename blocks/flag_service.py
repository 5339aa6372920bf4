"""
Where a flag has a service of its own besides the file: a command that tells it the share, and an address that shows it.

Standard library only: a rollback needs this page, too. A token is named here by its variable and never kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 1024 * 1024
AGAIN = 0.2  # seconds between two looks at the service
ONE_LOOK = 3.0


def told_to_service(address: Mapping[str, Any], weight: int, seconds: float) -> str:
    """Run the command; why it did not work, "" when it did or there is none. Never a shell."""
    argv = [str(part).replace("{weight}", str(weight)) for part in address.get("command") or []]
    if not argv:
        return ""
    keep = {"PATH", "LANG", "HOME", *address.get("inherit", [])}
    environment = {name: value for name, value in os.environ.items() if name in keep}
    try:
        done = subprocess.run(  # an argument list of the spec, checked by its policy
            argv, env=environment, cwd=address.get("folder") or None, timeout=seconds, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{argv[0]} did not end within {seconds:g} s"
    except OSError as why:
        return f"{argv[0]} cannot be run: {why.strerror}"
    last = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"{argv[0]} ended with {done.returncode}{f': {last[0][:200]!a}' if last else ''}" if done.returncode else ""


def shown(address: Mapping[str, Any], weight: int, seconds: float) -> str:
    """Ask until the service shows this share; "" or what it shows instead. Without an address nobody is asked."""
    url = address.get("read_url")
    if not url:
        return ""
    until = time.monotonic() + seconds
    while True:
        try:
            found: int | None = _asked(address, str(url))
            said = "" if found == weight else f"the flag's service shows {found} %"
        except _Silent as why:
            said = f"the flag's service was not read: {why}"
        if not said or time.monotonic() >= until:
            return said
        time.sleep(AGAIN)


def share_now(address: Mapping[str, Any]) -> int | None:
    """What the service shows; None where it has none or does not answer."""
    try:
        return _asked(address, str(address["read_url"])) if address.get("read_url") else None
    except _Silent:
        return None


class _Silent(Exception):
    """No answer that tells a share."""


def _asked(address: Mapping[str, Any], url: str) -> int:
    if not url.startswith(("https://", "http://")):
        raise _Silent("its address is not of http or https")
    headers = {"Accept": "application/json", "User-Agent": "tidegate"}
    if name := address.get("bearer_secret"):
        if not os.environ.get(str(name)):
            raise _Silent(f"{name} is not set")
        headers["Authorization"] = f"Bearer {os.environ[str(name)]}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # the scheme is looked at above
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=ONE_LOOK) as answer:
            told = json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as why:
        raise _Silent(f"HTTP {why.code}") from None
    except (OSError, ValueError) as why:
        raise _Silent(type(why).__name__) from None
    found: Any = told
    for part in str(address.get("percentage_field") or "percentage").split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if isinstance(told, dict) and told.get(str(address.get("enabled_field") or "enabled")) is False:
        return 0
    if type(found) is not int or not 0 <= found <= 100:
        raise _Silent(f"it tells {str(found)[:40]!a} as its percentage")
    return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
