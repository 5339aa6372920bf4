"""The strict YAML loader: what it reads, what it refuses and how it says so, and nothing besides."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blocks.yaml_spec import MOST_BYTES, load_yaml, read_yaml, spelled
from tidegate.errors import SpecError

SPEC = b"""\
system: shop
components:
  - name: api
    instances: 2
    rate: 0.5
stages:
  - steps: [{weight: 5, bake: 30m}, {weight: 100}]
quiet: true
note: "yes: it is text"
"""


def refusal(text: bytes) -> SpecError:
    with pytest.raises(SpecError) as caught:
        load_yaml(text, "shop.yaml")
    return caught.value


def test_a_spec_is_read_as_it_looks() -> None:
    assert load_yaml(SPEC, "shop.yaml") == {
        "system": "shop",
        "components": [{"name": "api", "instances": 2, "rate": 0.5}],
        "stages": [{"steps": [{"weight": 5, "bake": "30m"}, {"weight": 100}]}],
        "quiet": True,
        "note": "yes: it is text",
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("01.5", "01.5"),
        ("1_000", "1_000"),
        ("2026-11-24", "2026-11-24"),
        ("0b11", "0b11"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("한국어", "한국어"),
        ("'5'", "5"),
        ('"<<"', "<<"),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("~", None),
        ("", None),
        ("TRUE", True),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, meant: object) -> None:
    value = load_yaml(f"k: {written}\n".encode(), "shop.yaml")["k"]
    assert value == meant
    assert type(value) is type(meant)


REFUSED: list[tuple[str, bytes, str, str]] = [
    ("a duplicate key", b"a: 1\nb:\n  c: 1\n  c: 2\n", "shop.yaml:4:3: b.c: ", "first in line 3"),
    ("an anchor", b"a: &x 1", "shop.yaml:1:4: a: ", "&x"),
    ("an alias", b"a: *x", "shop.yaml:1:4: a: ", "*x"),
    ("a tag", b"a: !!python/object:os.system 1", "shop.yaml:1:4: a: ", "!!python/object:os.system"),
    ("the tag of nothing", b"a: ! 1", "shop.yaml:1:4: a: ", "tag !"),
    ("a tag directive", b"%TAG ! tag:x,2000:\n--- 1", "shop.yaml:1:1: ", "%TAG"),
    ("a merge key", b"a:\n  <<: {b: 1}", "shop.yaml:2:3: a: ", "<<"),
    ("no number", b"a: [.nan]", "shop.yaml:1:5: a[0]: ", ".nan"),
    ("infinity", b"a: -.inf", "shop.yaml:1:4: a: ", "-.inf"),
    ("hidden infinity", b"a: 1e999", "shop.yaml:1:4: a: ", "1e999"),
    ("an endless number", b"a: " + b"9" * 5000, "shop.yaml:1:4: a: ", "40 digits"),
    ("a number as a key", b"a: {404: x}", "shop.yaml:1:5: a: ", "'404'"),
    ("a boolean as a key", b"true: x", "shop.yaml:1:1: ", "'true'"),
    ("a list as a key", b"? [a]\n: b", "shop.yaml:1:3: ", "a list or mapping"),
    ("a second document", b"--- 1\n--- 2\n", "shop.yaml:2:1: ", "one"),
    ("nothing", b"# only a comment\n", "shop.yaml:1:1: ", "empty"),
    ("another YAML", b"%YAML 2.0\n---\n1", "shop.yaml:1:1: ", "version"),
    ("a broken list", b"a: [1,\n", "shop.yaml:2:1: ", "not YAML"),
    ("a tab for indentation", b"a:\n\tb: 1", "shop.yaml:2:1: ", "'\\t'"),
    ("another encoding", "a: 1\nb: é".encode("latin-1"), "shop.yaml:2:4: ", "0xe9"),
    ("UTF-16", "a: 1".encode("utf-16"), "shop.yaml:1:1: ", "0xff"),
    ("a byte order mark", b"\xef\xbb\xbfa: 1", "shop.yaml:1:1: ", "U+FEFF"),
    ("NUL", b"a: 1\nb: \0", "shop.yaml:2:4: ", "U+0000"),
    ("an escape sequence", b"a: \x1b[31m", "shop.yaml:1:4: ", "U+001B"),
    ("text that runs backwards", "a: \u202eb".encode(), "shop.yaml:1:4: ", "U+202E"),
    ("an escaped NUL", b'a: "\\0"', "shop.yaml:1:4: a: ", "U+0000"),
    ("half a character", b'a: "\\ud800"', "shop.yaml:1:4: a: ", "U+D800"),
    ("a character that cannot be", b'a: "\\UFFFFFFFF"', "shop.yaml:1:1: ", "not YAML"),
    ("deep nesting", b"a: " + b"[" * 100_000, "shop.yaml:1:24: a[0]", "20 levels"),
    ("deep nesting by lines", b"? " * 100_000, "shop.yaml:1:3: ", "as a key"),
    ("too many values", b"- a\n" * 60_000, "shop.yaml:10000:3: [9999]: ", "10,000"),
    ("too many bytes", b"a" * (MOST_BYTES + 1), "shop.yaml:1:1: ", "262,144"),
]


@pytest.mark.parametrize(("text", "place", "found"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
@pytest.mark.proves("G6", "E29")
def test_what_is_refused_is_named_with_its_place_and_a_remedy(text: bytes, place: str, found: str) -> None:
    error = refusal(text)
    assert str(error).startswith(place), str(error)
    assert found in str(error)
    assert str(error).endswith(".")
    assert error.advice.endswith(".")
    assert len(str(error)) < 700
    assert str(error).isprintable()


def test_the_largest_spec_that_is_allowed_is_read() -> None:
    text = b"a: " + b"x" * (MOST_BYTES - 4) + b"\n"
    assert len(load_yaml(text, "shop.yaml")["a"]) == MOST_BYTES - 4
    nested = b"a: " + b"[" * 19 + b"1" + b"]" * 19
    assert load_yaml(nested, "shop.yaml")


def test_every_value_can_be_found_again_by_line_and_column() -> None:
    places = read_yaml(SPEC, "shop.yaml").places
    assert places["components", 0, "rate"] == (5, 5)
    assert places["stages", 0, "steps", 1] == (7, 37)
    assert places["stages", 0, "steps", 1, "weight"] == (7, 38)
    assert places["components",] == (2, 1)
    assert places[()] == (1, 1)


def test_a_path_is_spelled_as_people_say_it() -> None:
    assert spelled(("stages", 0, "steps", 2, "weight")) == "stages[0].steps[2].weight"
    assert spelled(("a\nb", 1)) == r"['a\nb'][1]"
    assert len(spelled(("x" * 60,) * 20)) <= 200


FLOOD = """
import sys, time
from blocks.yaml_spec import load_yaml
from tidegate.errors import SpecError
text = (sys.argv[1].encode() * 10_000_000)[:int(sys.argv[2])]
begun = time.process_time()
try:
    load_yaml(text, "flood.yaml")
except SpecError:
    pass
print(time.process_time() - begun)
"""
MEMORY = 256 * 1024 * 1024


@pytest.mark.proves("G6")
@pytest.mark.parametrize("size", [10_000_000, MOST_BYTES], ids=["10 MB", "just allowed"])
@pytest.mark.parametrize("unit", ["a: 1\n", "[", "? ", "- - ", "{a: ", "# c\n", '"', "\n", "a:"])
def test_a_flood_is_answered_within_a_second_and_256_mib(unit: str, size: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOOD, unit, str(size)],
        cwd=Path(__file__).parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1


WORST = {
    "10 MB": "b'a: 1\\n' * 2_000_000",
    "deep lists": "b'[' * 200_000",
    "deep mappings": "b'{a: ' * 50_000",
    "a hundred billion laughs": "b'a: &a [x,x,x,x,x,x,x,x,x,x]\\n' + b''.join(b'%c: &%c [%s]\\n' % (98 + n, 98 + n, "
    "b','.join([b'*%c' % (97 + n)] * 10)) for n in range(11))",
    "one huge scalar": "b'a: ' + b'x' * 262_000",
    "one huge scalar in quotes": "b'a: \"' + b'\\\\n' * 130_000 + b'\"'",
    "one huge key": "b'x' * 262_000 + b': 1'",
    "ten thousand values": "b'a: [' + b'1,' * 9_990 + b']'",
    "long keys in a deep place": "b'a:\\n' + b''.join(b' ' * n + b'k' * 2_000 + b':\\n' for n in range(1, 100))",
    "a huge number": "b'a: ' + b'9' * 260_000",
    "half a file of no UTF-8": "b'a: 1\\n' * 40_000 + b'\\xff'",
    "a list at the top": "b'- a\\n' * 9_000",
    "tabs": "b'a:\\n' + b'\\t' * 260_000",
    "a block of text without end": "b'a: |\\n' + b'  x\\n' * 65_000",
}
BOXED = """
import re, resource, sys, time
from blocks.yaml_reading import read_spec
from tidegate.errors import SpecError
text = eval(sys.argv[1])
started = int(re.search(r"VmSize:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (started + 256 * 2**20,) * 2)
begun = time.process_time()
try:
    read_spec(text, "worst.yaml")
except SpecError as refused:
    took = time.process_time() - begun
    assert re.match(r"worst\\.yaml:\\d+:\\d+: ", str(refused)), str(refused)
    assert len(str(refused)) < 5000
    print(took)
"""


@pytest.mark.proves("G6")
@pytest.mark.parametrize("worst", WORST)
def test_the_worst_files_are_refused_within_a_second_and_256_mib_above_the_start(worst: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOXED, WORST[worst]],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1


PIECES = st.sampled_from(
    b"a;: ;- ;\n;  ;[;];{;};,;&x ;*x;!!str ;!<;<<;? ;|\n;>-\n;\";';\\x;\\U0011;#;%YAML 1.1\n;---\n;...\n"
    b";\t;\r;1;.nan;0x;1e9;~;@;`;\xed\x95\x9c;\xff;\0;\xc2\x85".split(b";")
)
MUTATIONS = st.lists(st.tuples(st.integers(0, len(SPEC)), st.integers(0, 4), PIECES), max_size=6)


def mutated(changes: list[tuple[int, int, bytes]]) -> bytes:
    text = SPEC
    for at, gone, put in changes:
        text = text[:at] + put + text[at + gone :]
    return text


@pytest.mark.proves("G6")
@settings(max_examples=1000, deadline=None)
@given(text=st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(b"".join) | MUTATIONS.map(mutated))
@example(text=b'"\\UFFFFFFFF"')
@example(text=b"%YAML 1.1.1\n--- 1")
def test_a_value_or_a_spec_error_comes_of_any_bytes(text: bytes) -> None:
    try:
        value = load_yaml(text, "f.yaml")
    except SpecError as error:
        said = str(error)
    else:
        plain(value, depth=0)
        return
    assert re.match(r"f\.yaml:\d+:\d+: .+\.$", said), said
    assert said.isprintable()


def plain(value: Any, depth: int) -> None:
    """Only text, numbers, booleans, nothing, lists and mappings of those."""
    assert depth <= 21
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        for inner in value.values():
            plain(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            plain(inner, depth + 1)
    else:
        assert value is None or type(value) in {str, int, float, bool}
        assert value == value, "NaN"  # noqa: PLR0124
