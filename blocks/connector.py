"""
What all blocks are: Prefect Blocks that refuse a misspelt field.

With the other `connector_*` files the only one of this folder that the others may import. A block is configuration (a
form in Prefect's UI, or the `use:` of a release spec); `connect()` or its port's own verbs do the work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from prefect.blocks.core import Block
from pydantic import ConfigDict

from tidegate.errors import Denied, NotApplied
from tidegate.spec import Spec
from tidegate.world import World


class Connector(Block):
    """A connection to one product; unknown fields are an error (Prefect itself would take them in silence)."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    def told_of(self, spec: Spec) -> Self:
        """Itself, knowing what it takes from elsewhere in its spec, e.g. an environment that it names."""
        return self

    def meets(self, world: World) -> None:
        """Is shown the world that it is part of: some checks look at their own release's channels and routes."""


@contextmanager
def machine_troubles(what: str) -> Iterator[None]:
    """A full disk, too many processes, a file that is not ours: told as a connector's errors."""
    try:
        yield
    except PermissionError as why:
        raise Denied(f"{what}: {why.filename or 'this machine'}: {why.strerror}") from None
    except OSError as why:
        raise NotApplied(f"{what}: {why.filename or 'this machine'}: {why.strerror or why}") from None
