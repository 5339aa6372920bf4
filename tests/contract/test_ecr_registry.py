"""ECR: the token is moto's, the registry that takes it is Debian's docker-registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.connect import connector
from blocks.ecr_registry import EcrRegistry
from blocks.yaml_reading import read_spec
from tests.contract.aws_on_loopback import REGION, AwsOnLoopback, Script
from tests.contract.registry_server import RegistryServer, docker_archive, oci_layout, registry_server
from tests.house.tree import ROOT
from tidegate.errors import Denied, NotUnderstood, Unreachable
from tidegate.spec import Use

NOBODYS = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with registry_server(tmp_path_factory.mktemp("registry")) as running:
        yield running


def registry(server: RegistryServer, repository: str, **fields: Any) -> EcrRegistry:
    return EcrRegistry(registry=server.url, repository=repository, tag="prod-{version}", region=REGION, **fields)


@pytest.mark.proves("S2-067", "S2-068", "art.image")
@pytest.mark.parametrize("component", ["api", "frontend"])
def test_the_images_of_greenflow_are_pushed_under_their_tags_and_never_moved(
    aws: AwsOnLoopback, server: RegistryServer, tmp_path: Path, component: str
) -> None:
    path = ROOT / "deployments" / "releases" / "greenflow.yaml"
    named = read_spec(path.read_bytes(), path.name).components[component].artifact
    here = Use.model_validate({**named.settings, "use": named.use, "registry": server.url})
    one = connector(here, "artifact", {})
    digest = one.push(str(docker_archive(tmp_path / "image.tar")), "v2.0")
    assert server.digest(named.settings["repository"], "prod-v2.0") == digest
    assert one.exists(digest)
    with pytest.raises(Denied, match="left alone"):
        one.push(str(docker_archive(tmp_path / "image.tar", "another")), "v2.0")
    assert server.digest(named.settings["repository"], "prod-v2.0") == digest
    assert set(aws.calls) == {"GetAuthorizationToken"}


def test_a_repository_with_movable_tags_is_refused_where_that_is_asked_for(
    aws: AwsOnLoopback, server: RegistryServer, tmp_path: Path
) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="movable")
    ecr.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
    source = str(oci_layout(tmp_path / "made"))
    with pytest.raises(Denied, match=r"tags can be moved \(MUTABLE\), wanted: IMMUTABLE"):
        registry(server, "movable", tags="immutable").push(source, "1")
    assert not server.digest("movable", "prod-1")
    assert registry(server, "fixed", tags="immutable").push(source, "1") == server.digest("fixed", "prod-1")
    with pytest.raises(Denied, match="RepositoryNotFoundException"):
        registry(server, "nowhere", tags="immutable").push(source, "1")


@pytest.mark.parametrize(("fault", "kind", "said"), [
    ("expired", Denied, "credentials of AWS have expired"),
    ("denied", Denied, "AWS does not allow it"),
    ("throttled", Unreachable, "AWS says not now"),
])  # fmt: skip
def test_without_a_token_nothing_is_pushed(
    aws: AwsOnLoopback, server: RegistryServer, tmp_path: Path, fault: str, kind: type[Exception], said: str
) -> None:
    aws.fails("GetAuthorizationToken", *[fault] * 4)
    with pytest.raises(kind, match=f"the login to .*{said}"):
        registry(server, "faults").push(str(oci_layout(tmp_path / "made")), "1")
    assert not server.digest("faults", "prod-1")


def test_a_token_that_the_registry_refuses_is_told_without_it(
    script: Script, server: RegistryServer, tmp_path: Path
) -> None:
    """As one that expired between being given out and being used."""
    token = "QVdTOnBsYW50ZWQtc2VjcmV0LTc3"
    script.says["GetAuthorizationToken"] = lambda _: {"authorizationData": [{"authorizationToken": token}]}
    with pytest.raises(Denied, match="refuses AWS at faults") as refused:
        registry(server, "faults").push(str(oci_layout(tmp_path / "made")), "1")
    assert "planted-secret-77" not in str(refused.value) + refused.value.advice
    script.says["GetAuthorizationToken"] = lambda _: {"authorizationData": [{"authorizationToken": "%%%"}]}
    with pytest.raises(NotUnderstood, match="no user name and password"):
        registry(server, "faults").exists(NOBODYS)


@pytest.mark.parametrize("field", [{"region": "Virginia"}, {"overwrite": "always"}, {"role_arn": "deploy"}])
def test_a_mistake_in_a_field_is_refused(field: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        EcrRegistry(**{"registry": "1.dkr.ecr.us-east-1.amazonaws.com", "repository": "a", **field})  # type: ignore[arg-type]
