"""A spec's connectors without an installation: placeholders for addresses."""

from __future__ import annotations

from blocks.installation import Installation

ANYWHERE = "http://127.0.0.1:9"  # reads as an address, nothing listens there
SOMEBODY = "nobody@localhost"  # reads as an e-mail address


class Placeholders(dict[str, str]):
    """The installation's values; one that is not known before `tidegate up` reads as an address, and is noted."""

    def __init__(self, known: dict[str, str]) -> None:
        super().__init__(known)
        self.missing: set[str] = set()

    @classmethod
    def here(cls) -> Placeholders:
        return cls(Installation.here().values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __missing__(self, name: str) -> str:
        self.missing.add(name)
        return SOMEBODY if name.endswith(("mail", "sender")) else ANYWHERE
