"""What a command may and may not do as a check: no shell, no options out of values, limits, no secrets."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from blocks.command_check import CommandCheck
from blocks.command_check_output import FIRST, LAST, Output
from tests.contract.processes import named, wait_until
from tidegate.ports import Verdict

FACTS = {"release": "shop/2.1.0/1", "system": "shop", "version": "2.1.0", "component": "api"}


def python(script: str, *words: str, **fields: object) -> CommandCheck:
    return CommandCheck(argv=[sys.executable, "-c", script, *words], **fields)  # type: ignore[arg-type]


@pytest.mark.proves("pre.commands", "E29")
def test_the_exit_code_is_the_verdict_and_the_output_the_evidence() -> None:
    passed = python("print('12 tests passed')").run(FACTS)
    assert passed.verdict is Verdict.PASS
    assert "ended with exit code 0 after" in passed.evidence
    assert passed.evidence.endswith("12 tests passed")
    failed = python("import sys; print('1 failed', file=sys.stderr); sys.exit(2)").run(FACTS)
    assert failed.verdict is Verdict.FAIL
    assert failed.figures == {"exit_code": 2}
    assert "1 failed" in failed.evidence
    assert python("import sys; sys.exit(2)", exit_code=2).run(FACTS).verdict is Verdict.PASS
    killed = python("import os; os.kill(os.getpid(), 11)").run(FACTS)
    assert killed.verdict is Verdict.FAIL
    assert "was killed by signal 11" in killed.evidence


def test_facts_are_filled_in() -> None:
    show = "import sys; print(*sys.argv[1:], sep='|')"
    words = ("{release}", "--tag=v{version}", "{component}-{system}", '{"a": 1}', "{print $1}")
    told = python(show, *words).run(FACTS)
    assert told.evidence.endswith('shop/2.1.0/1|--tag=v2.1.0|api-shop|{"a": 1}|{print $1}')


def test_a_fact_that_is_not_known_yet_is_an_error_and_nothing_runs(tmp_path: Path) -> None:
    told = python(f"open({str(tmp_path / 'ran')!r}, 'w')", "{url}").run(FACTS)
    assert told.verdict is Verdict.ERROR
    assert "{url} is not known at this point" in told.evidence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"argv": ["check", "{versoin}"]}, "{versoin} is not known here; {component}, {digest}"),
        ({"argv": ["{version}"]}, "a program is named by the spec alone"),
        ({"argv": []}, "at least 1 item"),
        ({"argv": "rm -rf /"}, "valid list"),
        ({"argv": ["a"], "shell": True}, "Extra inputs"),
        ({"argv": ["a"], "timeout": 5}, "is no duration"),
        ({"argv": ["a"], "environment": {"A": "1"}, "secrets": {"A": "2"}}, "A stands in environment and in secrets"),
    ],
)
def test_a_mistake_in_the_fields_is_named(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CommandCheck(**fields)  # type: ignore[arg-type]
    assert said in str(caught.value)


def injections(count: int, file: Path) -> list[str]:
    """Values that create the file if any part of them is ever given to a shell, or taken for an option."""
    chance = random.Random(15)
    openers = ["", "x", "'", '"', "')", '")', "\\", "$IFS", "a b", "2.0", "`", "%", "{}", "한", "--", "-", "~", "*"]
    ways = ["; {}", "&& {}", "|| {}", "| {}", "$({})", "`{}`", "\n{}", "& {}", "<({})", "\r\n{}", "${{x:-$({})}}"]
    ways += ["-o{}", "--upload-pack={}", "-rf {}", "' ; {} ; '", '" ; {} ; "', "\x00{}", "%0a{}", "\u2028{}"]
    return [
        chance.choice(openers) + chance.choice(ways).format(f"touch {file}") + chance.choice(openers)
        for _ in range(count)
    ]


def test_no_value_ever_reaches_a_shell_or_becomes_an_option(tmp_path: Path) -> None:
    file = tmp_path / "created"
    # /bin/echo takes options, /bin/sh is not asked for: whoever ran one would make the file.
    check = CommandCheck(argv=["/bin/echo", "v{version}", "{version}"])
    for value in injections(1000, file):
        told = check.run({**FACTS, "version": value})
        if told.verdict is Verdict.PASS:
            assert told.evidence.endswith(f"v{value} {value}".rstrip())
        else:
            assert told.verdict is Verdict.ERROR
            assert value.startswith("-") or not value.isprintable()
    assert not file.exists()


@pytest.mark.parametrize("value", ["-rf", "--upload-pack=touch x", "-", "a\nb", "a\0b", "a" * 3000, ""], ids=ascii)
def test_a_value_that_could_be_more_than_a_value_is_refused(value: str) -> None:
    told = CommandCheck(argv=["/bin/echo", "{version}"]).run({**FACTS, "version": value})
    assert told.verdict is Verdict.ERROR
    assert "the command was not run" in told.evidence
    assert told.evidence.isprintable()


def test_what_cannot_be_started_is_our_own_trouble() -> None:
    for argv, folder in ((["no-such-program"], None), (["/etc/passwd"], None), (["/bin/echo"], Path("/no/folder"))):
        told = CommandCheck(argv=argv, folder=folder).run(FACTS)
        assert told.verdict is Verdict.ERROR
        assert "could not be started" in told.evidence
        assert str(folder or argv[0]) in told.evidence


def test_a_command_that_hangs_is_ended_with_all_that_it_started() -> None:
    word = f"w{uuid4().hex}"
    script = (
        "import subprocess, sys, time\n"
        "print('working', flush=True)\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', {word!r}])\n"
        "time.sleep(99)"
    )
    began = time.monotonic()
    told = python(script, word, timeout="3s").run(FACTS)
    assert told.verdict is Verdict.INCONCLUSIVE
    assert "was ended because it did not end within 3s" in told.evidence
    assert told.evidence.endswith("working")
    assert time.monotonic() - began < 30
    wait_until(lambda: not named(word))


def test_what_a_command_leaves_behind_holds_nobody_up_and_is_ended() -> None:
    word = f"w{uuid4().hex}"
    script = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', {word!r}])\n"
        "print('done')"
    )
    began = time.monotonic()
    assert python(script).run(FACTS).verdict is Verdict.PASS
    assert time.monotonic() - began < 30
    wait_until(lambda: not named(word))


def test_endless_output_is_cut_and_ended() -> None:
    told = CommandCheck(argv=["/usr/bin/yes", "x" * 1000], timeout="50s").run(FACTS)  # type: ignore[arg-type]
    assert told.verdict is Verdict.INCONCLUSIVE
    assert "printed without end" in told.evidence
    assert len(told.evidence) < FIRST + LAST + 3000
    assert "bytes left out" in told.evidence


def test_a_long_output_keeps_its_beginning_and_its_end() -> None:
    told = python("print('begin'); print('x' * 300_000); print('the reason')").run(FACTS)
    assert "begin" in told.evidence
    assert told.evidence.endswith("the reason")
    assert f"... {300_000 + 18 - FIRST - LAST:,} bytes left out ..." in told.evidence


def test_there_is_no_input_and_a_folder_of_its_own() -> None:
    script = "import os, sys; print(repr(sys.stdin.read()), os.listdir(), os.getcwd())"
    first, second = (python(script).run(FACTS).evidence.splitlines()[-1] for _ in range(2))
    assert first.startswith("'' [] ")
    assert first != second
    assert not Path(first.split()[-1]).exists()


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    monkeypatch.setenv("HOME", "/somewhere")
    script = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}), os.environ['PATH'])"
    told = python(script).run(FACTS).evidence
    assert told.endswith("['LANG', 'PATH'] /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    told = python(script, inherit=["HOME", "NOT_SET"], environment={"A": "1"}, secrets={"B": "2"}).run(FACTS).evidence
    assert "['A', 'B', 'HOME', 'LANG', 'PATH']" in told


@pytest.mark.proves("I24")
def test_a_secret_is_starred_out_wherever_it_is_printed() -> None:
    script = (
        "import os, sys, time\n"
        "secret = os.environ['TOKEN']\n"
        "print('x' * 16380 + secret)\n"  # across the place where the output is cut
        "for letter in secret: sys.stdout.write(letter); sys.stdout.flush(); time.sleep(0.01)\n"
        "print(secret + 'y' * 49150)\n"
    )
    check = python(script, secrets={"TOKEN": SecretStr("planted-secret-77")})
    told = check.run(FACTS)
    assert told.verdict is Verdict.PASS
    _, printed = told.evidence.split("\n", 1)
    assert "***" in printed
    assert not [part for part in ("planted", "secret", "-77") if part in printed]
    assert "planted-secret-77" not in repr(check)


@given(
    secrets=st.lists(st.text("abc", min_size=1, max_size=4), max_size=3), chunks=st.lists(st.text("abc", max_size=5))
)
def test_no_secret_comes_through_in_parts(secrets: list[str], chunks: list[str]) -> None:
    output, text = Output(secrets), "".join(chunks)
    for chunk in chunks:
        output.take(chunk.encode())
    assert not [secret for secret in secrets if secret in output.text()]
    if not any(secret in text for secret in secrets):
        assert output.text() == text


def test_a_secret_that_begins_with_another_leaves_no_rest() -> None:
    output = Output(["pass", "password"])
    output.take(b"password pass")
    assert output.text() == "*** ***"


def test_control_characters_do_not_reach_the_evidence() -> None:
    told = python(r"print('\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202e tab\tend \x9b')").run(FACTS).evidence
    assert told.endswith(r"red \x1b]0;title\x07 \u202e tab" + "\t" + r"end \x9b")
    assert os.linesep == "\n"
