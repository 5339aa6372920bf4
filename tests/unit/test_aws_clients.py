"""What AWS answers, as a connector's errors: botocore's own parsing and attempts over answers that are handed in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError, ReadTimeoutError

from blocks import aws_clients
from blocks.aws_clients import AGENT, Access, client, code_of, told
from tidegate.errors import Denied, NotApplied, Unreachable


class Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.content

    def read(self, *_: object) -> bytes:
        return self.content


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    aws_clients._client.cache_clear()
    yield client("ecs", Access("us-east-1"), attempts=1)
    aws_clients._client.cache_clear()


def answers(ecs: Any, status: int, code: str, message: str = "because") -> None:
    said = f'{{"__type":"{code}","message":"{message}"}}'.encode()

    def answer(request: Any, **_: object) -> AWSResponse:
        assert AGENT in request.headers["User-Agent"].decode()
        return AWSResponse(request.url, status, {"x-amzn-errortype": code}, Body(said))

    ecs.meta.events.register("before-send.ecs.*", answer)


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (400, "ThrottlingException", Unreachable, "not now"),
        (503, "ServiceUnavailable", Unreachable, "not now"),
        (500, "Whatever", Unreachable, "not now"),
        (400, "ExpiredTokenException", Denied, "have expired"),
        (403, "AccessDeniedException", Denied, "does not allow it"),
        (400, "UpdateInProgressException", NotApplied, "busy"),
        (400, "InvalidParameterException", Denied, "InvalidParameterException: because"),
        (400, "LimitExceededException", Denied, "LimitExceededException"),
    ],
)
def test_an_answer_says_whether_asking_again_may_help(
    ecs: Any, status: int, code: str, kind: type[Exception], says: str
) -> None:
    answers(ecs, status, code)
    with pytest.raises(kind, match=says), told("the clusters of greenflow"):
        ecs.list_clusters()


@pytest.mark.parametrize(
    ("why", "kind", "says"),
    [
        (ReadTimeoutError(endpoint_url="http://a"), Unreachable, "no answer"),
        (ConnectTimeoutError(endpoint_url="http://a"), Unreachable, "no answer"),
        (NoCredentialsError(), Denied, "no credentials of AWS"),
    ],
)
def test_what_never_was_an_answer_is_told_too(why: Exception, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says), told("a call"):
        raise why


def test_a_request_that_aws_does_not_know_is_told_before_it_is_sent(ecs: Any) -> None:
    with pytest.raises(Denied, match=r"no such request .*clutser"), told("the service"):
        ecs.describe_services(clutser="green", services=["a"])


def test_no_such_profile_is_a_sentence() -> None:
    with pytest.raises(Denied, match="nobody-has-this"):
        client("ecs", Access("us-east-1", profile="nobody-has-this"))


def test_an_access_is_shown_without_what_is_empty_and_read_back() -> None:
    access = Access("us-east-1", endpoint_url="http://127.0.0.1:5000")
    assert access.to_json() == {"region": "us-east-1", "endpoint_url": "http://127.0.0.1:5000"}
    assert Access.from_json(access.to_json()) == access


def test_a_long_message_is_one_short_line(ecs: Any) -> None:
    answers(ecs, 400, "ClientException", "x " * 4000)
    with pytest.raises(Denied) as caught, told("a call"):
        ecs.list_clusters()
    assert len(str(caught.value)) < 340
    assert code_of(ValueError()) == ""
