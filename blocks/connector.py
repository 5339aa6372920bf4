"""
What all blocks are: Prefect Blocks that refuse a misspelt field.

The only file of this folder that the others may import. A block is configuration (a form in Prefect's UI, or the
`use:` of a release spec); `connect()` or its port's own verbs do the work.
"""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import ConfigDict


class Connector(Block):
    """A connection to one product; unknown fields are an error (Prefect itself would take them in silence)."""

    model_config = ConfigDict(extra="forbid", validate_default=True)
