"""
Images in any registry that speaks OCI's distribution protocol: Docker's own, GitHub's, Harbor, GitLab's.

An image is known by its digest and kept under a tag that never moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from blocks.connector import Connector
from blocks.oci_distribution import REGISTRY, REPOSITORY, Distribution, Login, base
from blocks.oci_push import known_digest, pushed, tag_for, usable_tag
from tidegate.quantities import Duration


class OciRegistry(Connector):
    """Images in a registry."""

    _block_type_name = "Container images in an OCI registry"
    _block_type_slug = "oci-registry"
    _description = "Pushes images by digest, under tags that never move; from a file without any engine."

    registry: str = Field(
        title="Registry",
        description="Its host; http:// before it for one of this machine that speaks plain HTTP.",
        pattern=REGISTRY,
        examples=["ghcr.io", "http://127.0.0.1:5000"],
    )
    repository: str = Field(
        title="Repository", description="The image's name there.", pattern=REPOSITORY, examples=["shop/api"]
    )
    tag: str = Field("{version}", title="Tag", description="{version} is filled in.", examples=["prod-{version}"])
    overwrite: Literal["never"] = Field(
        "never", title="Overwrite", description="A tag that stands at another digest is refused."
    )
    username: str = Field("", title="User name", description="Empty: nobody logs in.")
    password: SecretStr = Field(SecretStr(""), title="Password", description="Or token; never shown.")
    timeout: Duration = Field(timedelta(minutes=1), title="Time-out", description="For one silence of the registry.")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        base(self.registry)
        usable_tag(self.tag)
        return self

    def push(self, source: str, version: str = "") -> str:
        """
        Push the image at this path, else of this name in the Docker engine; its digest.

        What is there already is not sent again. Denied for a tag that another image has, a damaged image, a refused
        login; Unreachable and NotApplied may be asked again.
        """
        with self._open() as registry:
            return pushed(registry, source, tag_for(self.tag, version))

    def exists(self, digest: str) -> bool:
        """Whether the registry shows this very digest."""
        known_digest(digest)
        with self._open() as registry:
            return bool(registry.digest_of(digest))

    @contextmanager
    def _open(self) -> Iterator[Distribution]:
        login = Login(self.username, self.password)
        with Distribution(self.registry, self.repository, login, self.timeout.total_seconds()) as registry:
            yield registry
