"""
Images in AWS's registry (ECR): logged in for each push with a token of the account, kept by digest.

The token is asked of ECR, the images go over the registry's own protocol. In a repository whose tags are immutable ECR
itself refuses what this connector refuses, also to everybody else; `tags: immutable` makes that a condition.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from blocks.aws_access import AwsAccess
from blocks.aws_clients import client, told
from blocks.connector import Connector
from blocks.oci_distribution import REGISTRY, REPOSITORY, Distribution, Login, base
from blocks.oci_push import known_digest, pushed, tag_for, usable_tag
from tidegate.errors import Denied, NotUnderstood
from tidegate.quantities import Duration


class EcrRegistry(AwsAccess, Connector):
    """Images in ECR."""

    _block_type_name = "Container images in AWS ECR"
    _block_type_slug = "ecr-registry"
    _description = "Pushes images to ECR by digest, under tags that never move; from a file without any engine."

    registry: str = Field(
        title="Registry",
        description="Its host, of the account and the region.",
        pattern=REGISTRY,
        examples=["123456789012.dkr.ecr.us-east-1.amazonaws.com"],
    )
    repository: str = Field(
        title="Repository", description="The image's name there; it has to exist.", pattern=REPOSITORY
    )
    tag: str = Field("{version}", title="Tag", description="{version} is filled in.", examples=["prod-{version}"])
    overwrite: Literal["never"] = Field(
        "never", title="Overwrite", description="A tag that stands at another digest is refused."
    )
    tags: Literal["any", "immutable"] = Field(
        "any", title="Tags", description="immutable: a repository where anybody could move a tag is refused."
    )
    timeout: Duration = Field(timedelta(minutes=1), title="Time-out", description="For one silence of the registry.")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        base(self.registry)
        usable_tag(self.tag)
        return self

    def push(self, source: str, version: str = "") -> str:
        """
        Push the image at this path, else of this name in the Docker engine; its digest.

        Denied for a tag that another image has, a repository that is not there, a damaged image, a refused login.
        """
        tag = tag_for(self.tag, version)
        if self.tags == "immutable":
            self._refuse_movable_tags()
        with self._open() as registry:
            return pushed(registry, source, tag)

    def exists(self, digest: str) -> bool:
        """Whether the registry shows this very digest."""
        known_digest(digest)
        with self._open() as registry:
            return bool(registry.digest_of(digest))

    def _refuse_movable_tags(self) -> None:
        with told(f"ECR's repository {self.repository}"):
            found = client("ecr", self.access).describe_repositories(repositoryNames=[self.repository])
        shown = str(found["repositories"][0].get("imageTagMutability", "MUTABLE"))
        if not shown.startswith("IMMUTABLE"):
            raise Denied(
                f"{self.registry}/{self.repository}: tags can be moved ({shown}), wanted: IMMUTABLE",
                "aws ecr put-image-tag-mutability --image-tag-mutability IMMUTABLE",
            )

    @contextmanager
    def _open(self) -> Iterator[Distribution]:
        """Logged in with a token of this moment: one is good for twelve hours, a release may take days."""
        with told(f"the login to {self.registry}"):
            answer = client("ecr", self.access).get_authorization_token()
        try:
            token = answer["authorizationData"][0]["authorizationToken"]
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (KeyError, IndexError, binascii.Error, UnicodeDecodeError):
            raise NotUnderstood("ECR gives a token that is no user name and password") from None
        login = Login(user, SecretStr(password))
        with Distribution(self.registry, self.repository, login, self.timeout.total_seconds()) as registry:
            yield registry
