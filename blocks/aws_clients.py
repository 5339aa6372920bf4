"""
Clients of AWS: time-outs, attempts, credentials and errors as every connector of AWS has them.

With `aws_access.py` the one file that connectors of several products share (docs/decisions/0007): ECS, ALB, ECR, RDS
and CloudWatch are reached by the same client, and an account has one way in. The lowering half of the ALB needs this
page, boto3 and the standard library, nothing else. Credentials come from boto3's own chain (environment, profile,
role of the machine); they are no parameters and are never written down.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import boto3
from botocore import exceptions as aws
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials, create_assume_role_refresher

from tidegate.errors import ConnectorError, Denied, NotApplied, NotUnderstood, Unreachable

AGENT = "tidegate"  # in each request's User-Agent: CloudTrail shows which calls were ours
CONNECTS = 2.0  # seconds
ANSWERS = 5.0  # seconds from the request to the answer's first byte
ATTEMPTS = 4  # botocore's `standard` mode: throttling, 5xx and lost connections, with growing pauses

# What AWS calls "later" under a 4xx status: botocore's own list of throttling, without LimitExceeded, which is a quota.
LATER = {
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded",
    "PriorRequestNotComplete", "SlowDown", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable",
    "InternalFailure", "InternalServerError", "ServerException",
}  # fmt: skip
BUSY = {"UpdateInProgressException", "ResourceInUse", "ResourceInUseException", "InvalidDBInstanceState"}
WHO_ARE_YOU = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException",
    "InvalidClientTokenId", "SignatureDoesNotMatch", "AuthFailure", "MissingAuthenticationToken", "OptInRequired",
}  # fmt: skip
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
LOGIN = "aws sts get-caller-identity says as whom this machine calls"


@dataclass(frozen=True, slots=True)
class Access:
    """The way into one account: all of it may be shown. Empty: boto3's own answer (AWS_REGION, AWS_PROFILE, ...)."""

    region: str = ""
    profile: str = ""  # a section of ~/.aws/config, or of the file that AWS_CONFIG_FILE names
    role_arn: str = ""  # assumed with the credentials that the chain finds
    endpoint_url: str = ""  # another address than AWS's own: a VPC endpoint, a double in tests; else AWS_ENDPOINT_URL

    def to_json(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Access:
        return cls(**{name: str(told.get(name) or "") for name in cls.__slots__})


_MAKING = threading.Lock()  # boto3's sessions are not to be shared between threads, the clients made by them are


def client(service: str, access: Access, *, attempts: int = ATTEMPTS, answers: float = ANSWERS) -> Any:
    """
    A client of one service, made once a process. Denied where there is no such profile or region.

    `attempts` counts the first one: a write that must not come late (a raise of traffic) has 1. All attempts together
    take at most attempts x (CONNECTS + answers) seconds and the pauses between them.
    """
    with _MAKING, told(f"AWS {service}"):
        return _client(service, access, attempts, answers)


@lru_cache(maxsize=64)
def _client(service: str, access: Access, attempts: int, answers: float) -> Any:
    config = Config(
        connect_timeout=CONNECTS,
        read_timeout=answers,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra=AGENT,
        max_pool_connections=20,
    )
    return _session(access).client(service, endpoint_url=access.endpoint_url or None, config=config)


def _session(access: Access) -> Any:
    session = boto3.Session(region_name=access.region or None, profile_name=access.profile or None)
    if not access.role_arn:
        return session
    sts = session.client("sts", endpoint_url=access.endpoint_url or None)
    asked = {"RoleArn": access.role_arn, "RoleSessionName": AGENT}
    assumed = boto3.Session(region_name=session.region_name)
    # Asked anew by botocore itself before it ends: a release takes days, a role's session an hour.
    assumed._session._credentials = DeferredRefreshableCredentials(  # noqa: SLF001  # the one way botocore offers
        method="assume-role", refresh_using=create_assume_role_refresher(sts, asked)
    )
    return assumed


def code_of(why: BaseException) -> str:
    """AWS's own word for an error, e.g. `ServiceNotFoundException`; "" for what is none of its answers."""
    return str(why.response.get("Error", {}).get("Code", "")) if isinstance(why, aws.ClientError) else ""


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Errors of botocore as a connector's, in plain words. `doing` begins the sentence: what was asked, of what."""
    try:
        yield
    except aws.ClientError as why:
        raise _answered(doing, why) from None
    except (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError) as why:
        raise Denied(f"{doing}: no credentials of AWS are found here ({why})", LOGIN) from None
    except (aws.TokenRetrievalError, aws.UnauthorizedSSOTokenError) as why:
        raise Denied(f"{doing}: the sign-in is over ({why})", "aws sso login, then try again") from None
    except (aws.ProfileNotFound, aws.NoRegionError, aws.InvalidRegionError, aws.UnknownServiceError) as why:
        raise Denied(f"{doing}: {why}", "see ~/.aws/config, AWS_PROFILE and AWS_REGION") from None
    except aws.ParamValidationError as why:
        raise Denied(f"{doing}: AWS has no such request ({_short(str(why))})") from None
    except (aws.HTTPClientError, aws.ConnectionError) as why:
        raise Unreachable(f"{doing}: no answer ({_short(str(why))})") from None
    except aws.BotoCoreError as why:
        raise NotUnderstood(f"{doing}: {_short(str(why))}") from None


def _answered(doing: str, why: aws.ClientError) -> ConnectorError:
    code = code_of(why)
    status = int(why.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = _short(str(why.response.get("Error", {}).get("Message", "")))
    if code in EXPIRED:
        return Denied(f"{doing}: the credentials of AWS have expired ({code})", f"renew them; {LOGIN}")
    if code in WHO_ARE_YOU:
        return Denied(f"{doing}: AWS does not allow it ({code}: {said})", f"docs/aws/README.md has the policy; {LOGIN}")
    if code in LATER or status >= 500 or status == 429:
        return Unreachable(f"{doing}: AWS says not now ({code or status}: {said})")
    if code in BUSY:
        return NotApplied(f"{doing}: it is busy ({code}: {said})")
    return Denied(f"{doing}: {code}: {said}")


def _short(text: str) -> str:
    """One line of at most 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:297]}..."
