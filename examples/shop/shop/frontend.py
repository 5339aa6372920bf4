"""
The two pages. They are the same for everybody: what changes is fetched from /api by the browser.

Style and script stand in the page itself: while two versions share the traffic, a separate file could come
from the other one.
"""

import base64
import hashlib
from pathlib import Path

from shop.web import Answer, Headers, Refused, Request


class Frontend:
    """Both pages, rendered once."""

    def __init__(self, pages: Path, version: str, accent: str, *, reviews: bool) -> None:
        self.style = (pages / "shop.css").read_text().replace("ACCENT", accent)
        self.script = (pages / "shop.js").read_text()
        self.frame = (pages / "frame.html").read_text()
        self.version, self.reviews = version, reviews
        self.headers = page_headers(self.style, self.script)
        self.list = self.page("All things", (pages / "list.html").read_text())
        self.product = self.page("One thing", (pages / "product.html").read_text())

    async def answer(self, request: Request) -> Answer:
        match [request.method, *request.path.strip("/").split("/")]:
            case ["GET", ""]:
                return self.list
            case ["GET", "product", number] if number.isascii() and number.isdecimal():
                return self.product
            case [_, ""] | [_, "product", _]:
                raise Refused(405 if request.method != "GET" else 404, "This is a page to read.")
            case _:
                raise Refused(404, f"There is no page at {request.path}.")

    def page(self, title: str, main: str) -> Answer:
        """One page in the common frame."""
        parts = {
            "TITLE": title,
            "STYLE": self.style,
            "MAIN": main.strip(),
            "SCRIPT": self.script,
            "VERSION": self.version,
            "REVIEWS": "shown" if self.reviews else "hidden",
        }
        text = self.frame
        for name, part in parts.items():
            text = text.replace(f"<!--{name}-->", part)
        return Answer(200, text.encode(), self.headers)

    def checks(self) -> dict[str, str]:
        return {"pages": "ok"}  # they were rendered, or we would not be here

    def close(self) -> None:
        """Nothing was opened."""


def page_headers(style: str, script: str) -> Headers:
    """What a browser is told: run our own script and style, and nothing else."""
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; "
        f"frame-ancestors 'none'; style-src {digest(style)}; script-src {digest(script)}"
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"no-cache"),
    )


def digest(text: str) -> str:
    """A text in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
