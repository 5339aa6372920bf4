"""GitHub's REST API as the connectors of this product ask it: repository, token, pages of a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from blocks.connector_api import Api, secret
from tidegate.errors import Denied, NotUnderstood

API = "https://api.github.com"
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
A_PAGE = 100
MOST_PAGES = 30


def github(repository: str, token_secret: str, api_url: str, seconds: float) -> Repository:
    """Denied where the token is not set or the repository is not written OWNER/NAME."""
    if not REPOSITORY.fullmatch(repository):
        raise Denied(f"{repository[:100]!a} is no repository of GitHub; it is written OWNER/NAME")
    headers = {
        "Authorization": f"Bearer {secret(token_secret, 'GitHub')}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    return Repository(Api("GitHub", api_url or API, headers, seconds), f"/repos/{repository}")


class Repository:
    """One repository's operations."""

    def __init__(self, api: Api, path: str) -> None:
        self.api, self.path = api, path

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return self.api.ask("GET", self.path + path, query=query).body

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return one(self.api.ask("POST", self.path + path, body=dict(body)).body)

    def all(self, path: str, inside: str = "", query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Every member of a list, page by page; `inside` names the list where the answer is an object."""
        for page in range(1, MOST_PAGES + 1):
            asked = {**(query or {}), "per_page": str(A_PAGE), "page": str(page)}
            told = self.get(path, asked)
            found = many(told.get(inside) if inside and isinstance(told, dict) else told)
            yield from found
            if len(found) < A_PAGE:
                return
        raise NotUnderstood(f"GitHub's list {path} does not end after {MOST_PAGES * A_PAGE:,} members")

    def sha(self, ref: str) -> str:
        """The commit that a tag, a branch or a short name means; Denied where there is none."""
        return str(one(self.get(f"/commits/{ref_of(ref)}/status")).get("sha", ""))


def ref_of(name: str) -> str:
    """Fit to be a part of a path."""
    return quote(name, safe="")


def many(told: Any) -> list[dict[str, Any]]:
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise NotUnderstood("GitHub's answer is no list")
    return told


def one(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise NotUnderstood("GitHub's answer is no object")
    return told
