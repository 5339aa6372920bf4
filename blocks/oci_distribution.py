"""
How a registry is spoken to over HTTP: blobs, manifests, tags (OCI distribution specification 1.1).

What is there is looked for before it is sent, and a tag is read back after it was written. Passwords go to the registry
and to the address that it names for tokens, over TLS; in the clear to this machine alone.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from blocks.oci_image import CHUNK, DIGEST, INDEXES, MANIFESTS, Blob, Image, Manifest, parsed
from tidegate.errors import Denied, NotApplied, NotUnderstood, Unreachable

REGISTRY = r"^(https?://)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$"
REPOSITORY = r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$"
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
TRIES, PAUSE = 3, 0.2  # of one request to a busy registry, each is safe to repeat; seconds, longer every time
BUSY = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the registry; nobody when empty."""

    user: str = ""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))

    @property
    def pair(self) -> tuple[str, str] | None:
        return (self.user, self.password.get_secret_value()) if self.user else None


def base(registry: str) -> str:
    """`https://` where nothing is said; ValueError for a plain one that is not of this machine."""
    url = registry if "://" in registry else f"https://{registry}"
    if url.startswith("http://") and not _loopback(urlsplit(url).hostname or ""):
        raise ValueError(f"{registry}: plain HTTP is spoken with this machine only")
    return url


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Distribution:
    """One repository of a registry; errors are a connector's."""

    def __init__(self, registry: str, repository: str, login: Login, seconds: float) -> None:
        self.repository, self.login = repository, login
        self.host = urlsplit(base(registry)).netloc
        self._token = ""
        self._http = httpx.Client(base_url=base(registry), timeout=seconds, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def digest_of(self, reference: str) -> str:
        """The digest behind a tag or a digest; "" when there is none."""
        answer = self._ask("HEAD", f"manifests/{reference}", headers={"Accept": ", ".join((*MANIFESTS, *INDEXES))})
        if answer.status_code == 404:
            return ""
        found = answer.headers.get("Docker-Content-Digest", "")
        if not DIGEST.fullmatch(found):
            raise NotUnderstood(f"{self.host} gives no digest of {self.repository}:{reference[:40]}")
        return str(found)

    def config_of(self, reference: str) -> str:
        """The digest of the image's configuration, which an engine calls the image's ID; "" of an index."""
        answer = self._ask("GET", f"manifests/{reference}", headers={"Accept": ", ".join(MANIFESTS)})
        read = parsed(answer.content, f"{self.host}'s manifest")
        return str((read.get("config") or {}).get("digest", "")) if isinstance(read, dict) else ""

    def store(self, image: Image, manifest: Manifest) -> None:
        """Blobs first, then what names them; what is there already is not sent."""
        for child in manifest.children:
            self.store(image, child)
        for blob in dict.fromkeys(manifest.blobs):
            if self._ask("HEAD", f"blobs/{blob.digest}").status_code == 404:
                self._send(image, blob)
        if not self.digest_of(manifest.digest):
            self.point(manifest.digest, manifest)

    def point(self, reference: str, manifest: Manifest) -> None:
        """Put the manifest under this tag or digest."""
        headers = {"Content-Type": manifest.media_type}
        for attempt in range(1, TRIES + 1):
            answer = self._ask("PUT", f"manifests/{reference}", headers=headers, content=manifest.raw)
            # Somebody writes the same manifest at this moment: a registry on files reads half of it and calls it wrong.
            if _error(answer)[0] == "DIGEST_INVALID" and attempt < TRIES:
                time.sleep(PAUSE * attempt)
                continue
            self._must(answer, 201, f"the manifest {reference[:40]}")
            return

    def _send(self, image: Image, blob: Blob) -> None:
        """Open an upload, send all of it, close it with the digest, which the registry compares."""
        what = f"the blob {blob.digest[:19]}"
        for attempt in range(1, TRIES + 1):
            opened = self._ask("POST", "blobs/uploads/")
            self._must(opened, 202, what)
            with image.open(blob) as file:
                headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
                try:
                    sent = self._ask("PATCH", self._next(opened), headers=headers, content=_chunks(file), tries=1)
                except Unreachable:
                    if attempt == TRIES:
                        raise
                    continue  # an upload that broke off is begun again from its start
            self._must(sent, 202, what)
            at = self._next(sent)
            at = at.copy_merge_params({"digest": blob.digest})
            self._must(self._ask("PUT", at, headers={"Content-Length": "0"}), 201, what)
            return

    def _next(self, answer: httpx.Response) -> httpx.URL:
        """Where the upload goes on; another host gets nothing of ours."""
        there = answer.url.join(answer.headers.get("Location", ""))
        if (there.scheme, there.netloc) != (answer.url.scheme, answer.url.netloc):
            raise Denied(f"{self.host} sends the upload on to {there.host}, which was not asked for")
        return there

    def _must(self, answer: httpx.Response, wanted: int, what: str) -> None:
        if answer.status_code != wanted:
            code, said = _error(answer)
            kind = NotApplied if code == "MANIFEST_BLOB_UNKNOWN" else Denied
            raise kind(f"{self.host} does not take {what} of {self.repository}: {answer.status_code} {code} {said}")

    def _ask(
        self,
        method: str,
        path: str | httpx.URL,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | Iterator[bytes] | None = None,
        tries: int = TRIES,
    ) -> httpx.Response:
        """One request; again when it was lost or the registry is busy, with a token when it asks for one."""
        url = path if isinstance(path, httpx.URL) else f"/v2/{self.repository}/{path}"
        answer = self._once(method, url, headers or {}, content)
        for attempt in range(1, tries):
            if answer.status_code not in BUSY:
                break
            time.sleep(PAUSE * attempt)
            answer = self._once(method, url, headers or {}, content)
        if answer.status_code in BUSY:
            raise Unreachable(f"{self.host} answers {answer.status_code}, {tries} times in a row")
        if answer.status_code in {401, 403}:
            raise Denied(
                f"{self.host} refuses {self.login.user or 'a guest'} at {self.repository} ({answer.status_code})",
                "Look at the user's rights there, and whether the login has expired.",
            )
        return answer

    def _once(
        self, method: str, url: str | httpx.URL, headers: dict[str, str], content: bytes | Iterator[bytes] | None
    ) -> httpx.Response:
        answer = self._sent(method, url, headers, content)
        if answer.status_code == 401 and not isinstance(content, Iterator) and self._introduced(answer):
            return self._sent(method, url, headers, content)
        return answer

    def _sent(
        self, method: str, url: str | httpx.URL, headers: dict[str, str], content: bytes | Iterator[bytes] | None
    ) -> httpx.Response:
        auth = None if self._token else self.login.pair
        shown = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            return self._http.request(method, url, headers={**headers, **shown}, content=content, auth=auth)
        except httpx.HTTPError as why:
            raise Unreachable(f"{self.host}: {type(why).__name__}") from None

    def _introduced(self, answer: httpx.Response) -> bool:
        """Whether a token could be had from where the registry sends us for one (token authentication)."""
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        named = dict(_CHALLENGE.findall(rest))
        if kind.lower() != "bearer" or not named.get("realm"):
            return False
        realm = urlsplit(named["realm"])
        if realm.scheme != "https" and not _loopback(realm.hostname or ""):
            raise Denied(f"{self.host} asks for our password at {realm.netloc}, in the clear")
        query = {key: named[key] for key in ("service",) if key in named}
        query["scope"] = f"repository:{self.repository}:pull,push"
        try:
            told = self._http.get(named["realm"], params=query, auth=self.login.pair)
        except httpx.HTTPError as why:
            raise Unreachable(f"{realm.netloc}: {type(why).__name__}") from None
        if told.status_code != 200:
            return False
        read = parsed(told.content, f"{realm.netloc}'s token")
        self._token = str(read.get("token") or read.get("access_token") or "") if isinstance(read, dict) else ""
        return bool(self._token)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _error(answer: httpx.Response) -> tuple[str, str]:
    """The registry's own code and words, on one line."""
    try:
        first = answer.json()["errors"][0]
        code, said = str(first.get("code", "")), str(first.get("message", ""))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return "", ""
    return code[:60], "".join(c for c in said if c.isprintable())[:200]
