"""Secrets in AWS Secrets Manager (moto), by the checks of GreenFlow's spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blocks.env_check import EnvCheck
from tests.contract import greenflow_on_aws as greenflow
from tests.contract.aws_on_loopback import REGION, AwsOnLoopback
from tests.contract.greenflow_on_aws import run
from tidegate.errors import Unreachable
from tidegate.ports import CheckResult, Verdict

LONG = "planted-secret-of-thirty-two-bytes-and-more"
FILE = """
NODE_ENV=production
API_PORT=3000
DATABASE_HOST=greenflow-prod-db.c9akciq32.us-east-1.rds.amazonaws.com
DATABASE_NAME=glec_prod
"""


def keeps(aws: AwsOnLoopback, **secrets: str) -> None:
    for name, value in secrets.items():
        aws.client("secretsmanager").create_secret(Name=name, SecretString=value)


@pytest.mark.proves("S2-045", "sec.secrets", "I24")
def test_the_keys_of_greenflow_exist_and_are_long_enough_and_are_never_shown(aws: AwsOnLoopback) -> None:
    told = run("encryption-keys")
    assert told.evidence.splitlines()[1:] == ["JWT_SECRET is missing", "DATABASE_PASSWORD is missing"]
    keeps(aws, JWT_SECRET=LONG, DATABASE_PASSWORD="planted-but-short")
    told = run("encryption-keys")
    assert (told.verdict, told.evidence.splitlines()[1:]) == (
        Verdict.FAIL,
        ["DATABASE_PASSWORD is shorter than 32 bytes"],
    )
    aws.client("secretsmanager").put_secret_value(SecretId="DATABASE_PASSWORD", SecretString=LONG)
    told = run("encryption-keys")
    assert (told.verdict, told.evidence) == (Verdict.PASS, "2 variables in Secrets Manager, as the spec says")
    assert "planted" not in repr(told)
    aws.client("secretsmanager").delete_secret(SecretId="JWT_SECRET")
    assert "JWT_SECRET is missing" in run("encryption-keys").evidence, "one that is about to be deleted is none"


@pytest.mark.proves("S2-043", "S2-044", "S2-046", "sec.secrets")
def test_the_production_file_holds_no_secret_and_the_store_holds_all(
    aws: AwsOnLoopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / ".env.production"
    place.write_text(FILE)
    told = run("environment-variables")
    assert told.evidence.splitlines()[1:] == [
        f"{name} is missing in Secrets Manager" for name in ("DATABASE_PASSWORD", "JWT_SECRET")
    ]
    keeps(aws, JWT_SECRET=LONG, DATABASE_PASSWORD=LONG)
    assert run("environment-variables").verdict is Verdict.PASS
    place.write_text(FILE + f"JWT_SECRET={LONG}\n")
    told = run("environment-variables")
    assert told.evidence.splitlines()[1:] == ["JWT_SECRET is a secret and stands in the file"]
    assert "planted" not in repr(told)
    place.write_text(FILE.replace("3000", "3001"))
    assert "API_PORT is '3001' instead of 3000" in run("environment-variables").evidence
    aws.client("secretsmanager").put_secret_value(SecretId="JWT_SECRET", SecretString="changeme")
    assert "JWT_SECRET still holds a placeholder (changeme) in Secrets Manager" in run("environment-variables").evidence


def asked(**fields: Any) -> CheckResult:
    about = {"secrets_in": "aws-secrets-manager", "secrets": ["JWT_SECRET", "DATABASE_PASSWORD"], "region": REGION}
    return EnvCheck(**{**about, **fields}).told_of(greenflow.spec()).run({})


@pytest.mark.parametrize("at", ["greenflow/production", "greenflow/production/"])
def test_secrets_lie_below_a_name_or_in_one_secret(aws: AwsOnLoopback, at: str) -> None:
    if at.endswith("/"):
        keeps(aws, **{f"{at}JWT_SECRET": LONG, f"{at}DATABASE_PASSWORD": json.dumps({"DATABASE_PASSWORD": LONG})})
    else:
        keeps(aws, **{at: json.dumps({"JWT_SECRET": LONG, "DATABASE_PASSWORD": LONG})})
    assert asked(secrets_at=at, length="at least 43B").verdict is Verdict.PASS
    assert asked(secrets_at=at, length="at least 44B").verdict is Verdict.FAIL
    assert asked(secrets_at="elsewhere/").evidence.count("is missing") == 2


@pytest.mark.parametrize("fault", ["expired", "denied"])
def test_a_store_that_refuses_us_is_an_error(aws: AwsOnLoopback, fault: str) -> None:
    keeps(aws, JWT_SECRET=LONG, DATABASE_PASSWORD=LONG)
    aws.fails("GetSecretValue", fault)
    told = asked()
    assert told.verdict is Verdict.ERROR
    assert told.evidence.startswith("the secret JWT_SECRET: ")


@pytest.mark.parametrize("fault", ["throttled", "500"])
def test_a_store_that_is_busy_is_asked_again_later(aws: AwsOnLoopback, fault: str) -> None:
    aws.fails("GetSecretValue", *[fault] * 4)
    with pytest.raises(Unreachable, match="the secret JWT_SECRET: AWS says not now"):
        asked()


def test_a_binary_secret_is_not_compared(aws: AwsOnLoopback) -> None:
    aws.client("secretsmanager").create_secret(Name="JWT_SECRET", SecretBinary=b"\x00" * 40)
    told = asked(secrets=["JWT_SECRET"])
    assert (told.verdict, "is binary" in told.evidence) == (Verdict.ERROR, True)
