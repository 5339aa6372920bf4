"""What docs/messages.md shows is true: its specs connect, and its receiver tells genuine messages from others."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

import pytest
import yaml

from blocks.connect import connector
from blocks.webhook_notifier import WINDOW, signature
from tests.house.tree import ROOT
from tidegate.simulation import specs
from tidegate.spec import Use

PAGE = (ROOT / "docs" / "messages.md").read_text("utf-8")
VALUES = dict.fromkeys(
    ("home", "slack_token", "smtp_user", "smtp_password", "board_key", "hook_key"), "made-up-value-00"
)


def shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", shown("yaml"))
def test_its_channels_connect_and_its_messages_are_known(text: str) -> None:
    told = yaml.safe_load(text)
    channels = told.get("channels", [{"name": "one", "to": told.get("to")}])
    specs.spec(channels=channels, messages=told.get("messages", []))
    for one in channels:
        use = Use(**one["to"])
        assert connector(use, "channels.one.to", VALUES).get_block_type_slug() == use.use


def test_its_receiver_takes_what_is_genuine_and_fresh_and_nothing_else() -> None:
    (code,) = shown("python")
    known: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib}
    exec(code, known)  # noqa: S102  # the page's own few lines
    genuine, key, body = known["genuine"], "made-up-key-0123", b'{"a": 1}'
    header = signature(key, 1_772_443_800, body)
    assert genuine(key, header, body, 1_772_443_800 + WINDOW)
    assert not genuine(key, header, body, 1_772_443_801 + WINDOW)
    assert not genuine(key, header, body, 1_772_443_799 - WINDOW)
    assert not genuine(key, header, body + b" ", 1_772_443_800)
    assert not genuine("another-key-0123", header, body, 1_772_443_800)
