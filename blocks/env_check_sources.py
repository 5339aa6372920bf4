"""
Where an environment's values are found: a file, Vercel's or Render's API.

A file is read as its plainest readers do: `NAME=value`, `export NAME=value`, quotes around a whole value; nothing in a
value is ever filled in or run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx

from blocks.env_check_rules import Held
from tidegate.errors import Denied, NotUnderstood, Unreachable

MOST_BYTES = 1024 * 1024
MOST_PAGES = 50
LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*")
VERCEL, RENDER = "https://api.vercel.com", "https://api.render.com"


def of_file(path: Path) -> Held:
    """Denied when there is none, or a line cannot be read; a name that stands there twice is one, too."""
    if not path.is_file():
        raise Denied(f"there is no file {path}")
    if path.stat().st_size > MOST_BYTES:
        raise Denied(f"{path} is too large for a file of variables")
    values: dict[str, str | None] = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if not found:
            raise Denied(f"{path.name}:{number} is no NAME=value")
        if found[1] in values:
            raise Denied(f"{path.name}:{number}: {found[1]} stands there twice; which one counts differs by reader")
        values[found[1]] = _value(found[2])
    return Held(path.name, values)


def _value(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return re.sub(r"\s+#.*", "", text)


def of_vercel(client: httpx.Client, project: str, target: str) -> Held:
    """A sensitive variable's value is not told, even to its owner; that it is there is."""
    values: dict[str, str | None] = {}
    told = _json(client, f"/v10/projects/{quote(project, safe='')}/env", {"decrypt": "true"})
    for one in _list(told.get("envs") if isinstance(told, dict) else None):
        targets = one.get("target") or []
        if target in ([targets] if isinstance(targets, str) else targets):
            readable = one.get("type") == "plain" or one.get("decrypted") is True
            values[str(one.get("key"))] = str(one.get("value", "")) if readable else None
    return Held(f"Vercel's {target}", values)


def of_render(client: httpx.Client, service: str) -> Held:
    values: dict[str, str | None] = {}
    cursor = ""
    for _ in range(MOST_PAGES):
        query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = _list(_json(client, f"/v1/services/{quote(service, safe='')}/env-vars", query))
        for one in page:
            held = one.get("envVar")
            if not isinstance(held, dict):
                raise NotUnderstood("the answer holds no envVar")
            values[str(held.get("key"))] = str(held.get("value", ""))
        cursor = str(page[-1].get("cursor", "")) if page else ""
        if len(page) < 100 or not cursor:
            return Held("Render's service", values)
    raise NotUnderstood("the list of variables does not end")


def _list(told: Any) -> list[dict[str, Any]]:
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise NotUnderstood("the answer is no list of variables")
    return told


def _json(client: httpx.Client, path: str, query: dict[str, str]) -> Any:
    try:
        answer = client.get(path, params=query)
        answer.raise_for_status()
        return answer.json()
    except httpx.HTTPStatusError as why:
        code = why.response.status_code
        kind = Unreachable if code == 429 or code >= 500 else Denied
        raise kind(f"{client.base_url.host} answers {code}") from None
    except httpx.HTTPError as why:
        raise Unreachable(f"{client.base_url.host}: {type(why).__name__}") from None
    except ValueError:
        raise NotUnderstood(f"{client.base_url.host} answers no JSON") from None


def unanswered(client: httpx.Client, urls: dict[str, str]) -> Iterator[str]:
    """Which of these addresses give no answer at all, or a server's error."""
    for name, url in urls.items():
        try:
            code = client.get(url, follow_redirects=False).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as why:
            yield f"{name}: {url[:80]} does not answer ({type(why).__name__})"
        else:
            if code >= 500:
                yield f"{name}: {url[:80]} answers {code}"


def event_refused(client: httpx.Client, name: str, dsn: str) -> Iterator[str]:
    """Why Sentry takes no test event at this address (a DSN, `https://KEY@HOST/PROJECT`); nothing when it does."""
    parts = urlsplit(dsn)
    key, project = parts.username or "", parts.path.rpartition("/")[2]
    if parts.scheme not in {"http", "https"} or not key or not parts.hostname or not project.isdecimal():
        yield f"{name} is no DSN of Sentry"
        return
    at = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rpartition('/')[0]}/api/{project}/store/"
    told = {"event_id": uuid4().hex, "level": "info", "logger": "tidegate", "message": "Tidegate asks whether you hear"}
    try:
        auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=tidegate/1, sentry_key={key}"}
        code = client.post(at, json=told, headers=auth).status_code
    except httpx.HTTPError as why:
        yield f"{name}: {parts.hostname} does not answer ({type(why).__name__})"
    else:
        if code != 200:
            yield f"{name}: {parts.hostname} answers {code} to a test event"
