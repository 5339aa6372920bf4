"""Emptying a cache, against a real Redis on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.redis_cache import A_PAGE, RedisCache
from blocks.redis_protocol import Redis
from tidegate.errors import ConnectorError, Denied, Unreachable

PASSWORD = "made-up-redis-password"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("elsewhere: no redis-server is installed here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    words = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
    url, until = f"redis://:{PASSWORD}@127.0.0.1:{port}", time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(ConnectorError), Redis(url, 5) as redis:
            redis.ask("PING")
            break
        time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture
def url(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with Redis(server, 5) as redis:
        redis.ask("FLUSHALL")
    monkeypatch.setenv("REDIS_URL", server)
    return server


def fill(url: str, *keys: str) -> None:
    with Redis(url, 20) as redis:
        for at in range(0, len(keys), 200):
            redis.ask("MSET", *[word for key in keys[at : at + 200] for word in (key, "x")])


def kept(url: str) -> int:
    with Redis(url, 5) as redis:
        found = redis.ask("DBSIZE")
    assert isinstance(found, int)
    return found


def cache(**fields: Any) -> RedisCache:
    return RedisCache(**{"url_secret": "REDIS_URL", **fields})


@pytest.mark.proves("rb.cache", "S0-099")
def test_the_keys_of_a_prefix_go_and_all_others_stay(url: str) -> None:
    many = [f"dashboard:{n}" for n in range(3 * A_PAGE)]
    fill(url, *many, "dashboard", "other:1", "x:dashboard:1")
    told = cache(prefix="dashboard:").do("dashboard/2/1", {})
    assert told.startswith("1,500 keys of 'dashboard:' removed from Redis at 127.0.0.1:")
    assert kept(url) == 3
    assert cache(prefix="dashboard:").do("dashboard/2/1", {}).startswith("0 keys"), "twice does no harm"
    assert cache(prefix="dashboard:").done("dashboard/2/1", {}) == ""


def test_signs_of_a_pattern_in_a_prefix_are_letters(url: str) -> None:
    fill(url, "a*b:1", "axb:1", "[a]:1", "a:1", "é:1")
    assert cache(prefix="a*b:").do("r", {}).startswith("1 keys")
    assert cache(prefix="[a]").do("r", {}).startswith("1 keys")
    assert cache(prefix="é:").do("r", {}).startswith("1 keys")
    assert kept(url) == 2


@pytest.mark.proves("rb.cache", "S0-099")
def test_a_database_and_everything_are_emptied_only_where_that_is_allowed(url: str) -> None:
    fill(url, "a", "b")
    fill(f"{url}/3", "c")
    told = cache(scope="database", allow_all=True).do("r", {})
    assert "database 0" in told
    assert "2 keys in database 0 before, 0 after" in told
    assert kept(f"{url}/3") == 1
    cache(scope="all", allow_all=True).do("r", {})
    assert kept(f"{url}/3") == 0


@pytest.mark.parametrize(
    "fields", [{}, {"scope": "all"}, {"scope": "database"}, {"scope": "all", "allow_all": True, "prefix": "x"}]
)
def test_an_act_that_would_remove_more_than_is_said_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        cache(**fields)


@pytest.mark.proves("I24")
def test_a_wrong_password_a_dead_server_and_no_address_are_told_without_the_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", url.replace(PASSWORD, "another-made-up-one"))
    with pytest.raises(Denied, match="WRONGPASS") as told:
        cache(prefix="x").do("r", {})
    assert "another-made-up-one" not in str(told.value)
    monkeypatch.setenv("REDIS_URL", f"redis://:{PASSWORD}@127.0.0.1:9")
    with pytest.raises(Unreachable, match="ConnectionRefusedError") as gone:
        cache(prefix="x").do("r", {})
    assert PASSWORD not in str(gone.value)
    monkeypatch.setenv("REDIS_URL", "http://x")
    with pytest.raises(Denied, match="redis://HOST"):
        cache(prefix="x").do("r", {})
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(Denied, match="REDIS_URL is not set"):
        cache(prefix="x").do("r", {})


def test_what_is_no_redis_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(Unreachable):
            cache(prefix="x", timeout="300ms").do("r", {})
        assert time.monotonic() - began < 5
