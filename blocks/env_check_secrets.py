"""Secrets in AWS Secrets Manager: that they are there and of which form; a value is compared and never told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from blocks.aws_clients import Access, client, code_of, told
from blocks.env_check_rules import Held
from tidegate.errors import Denied


def of_aws_secrets(access: Access, names: Sequence[str], at: str) -> Held:
    """
    Values by name. `at` ends with / or is empty: each is a secret of its own below it; else it is one secret's name.

    A secret may be JSON, as AWS's console makes it: then its entry of that name is meant.
    """
    values: dict[str, str | None] = {}
    if at and not at.endswith("/"):
        entries = _entries(_value(access, at) or "")
        return Held(f"Secrets Manager's {at}", {name: entries[name] for name in names if name in entries})
    for name in names:
        value = _value(access, at + name)
        if value is not None:
            values[name] = _entries(value).get(name, value)
    return Held(f"Secrets Manager{f' below {at}' if at else ''}", values)


def _value(access: Access, secret: str) -> str | None:
    """None where there is no such secret, or it is about to be deleted."""
    with told(f"the secret {secret}"):
        try:
            answer = client("secretsmanager", access).get_secret_value(SecretId=secret)
        except ClientError as why:
            gone = code_of(why) == "InvalidRequestException" and "delet" in str(why).lower()
            if code_of(why) != "ResourceNotFoundException" and not gone:
                raise
            return None
    if "SecretString" not in answer:
        raise Denied(f"the secret {secret} is binary; nothing can be compared with it")
    return str(answer["SecretString"])


def _entries(value: str) -> dict[str, str]:
    """Its entries, where it is a JSON object; a number or the like as it would be written."""
    try:
        read: Any = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(read, dict):
        return {}
    return {str(key): one if isinstance(one, str) else json.dumps(one) for key, one in read.items()}
