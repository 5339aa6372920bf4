"""AWS on loopback for the contract tests: one double a process, forgotten before each test (examples/aws/double.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from examples.aws.double import CREDENTIALS, AwsDouble


@cache
def _running() -> AwsDouble:
    return AwsDouble().start()


@contextmanager
def aws_double() -> Iterator[AwsDouble]:
    """Empty, with credentials that are nobody's; `double.access` and `double.url` say where it is."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        double = _running()
        double.reset()
        yield double
        double.faults.clear()
