"""Doubles that several contract tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.aws_on_loopback import AwsOnLoopback, Script, enter_aws, serving


@pytest.fixture(scope="session")
def aws_server() -> Iterator[AwsOnLoopback]:
    double = AwsOnLoopback()
    with serving(double):
        yield double


@pytest.fixture
def aws(aws_server: AwsOnLoopback, monkeypatch: pytest.MonkeyPatch) -> AwsOnLoopback:
    """An empty AWS on loopback, for this test alone."""
    enter_aws(aws_server, monkeypatch)
    return aws_server


@pytest.fixture
def script(aws: AwsOnLoopback, monkeypatch: pytest.MonkeyPatch) -> Script:  # noqa: ARG001  # behind it stands that AWS
    made = Script()
    made.install(monkeypatch)
    return made
