"""
Mutated release specs: whatever is done to one, it is read or refused by a SpecError that names file and place.

    python -m tests.bench.mutations --count 10000 [--seed 1]

Each is read, put on paper (its timetable and its remarks), and its connectors' fields are checked, as `tidegate check`
does. Prints the outcomes by kind and the seconds; exit 1 on anything undeclared.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from blocks.yaml_reading import read_spec, spec_from
from blocks.yaml_spec import Document, read_yaml
from tests.bench.mutating import mutated, mutated_text
from tests.house.tree import ROOT
from tidegate.cli.checking import fields_of_connectors
from tidegate.cli.paper import on_paper
from tidegate.errors import SpecError
from tidegate.language.unbuilt import unbuilt_sentences
from tidegate.language.warning import remarks
from tidegate.spec import Spec

RELEASES = ROOT / "deployments" / "releases"
NOW, TODAY = datetime(2026, 11, 24, 9, tzinfo=UTC), date(2026, 11, 24)
SLOW = 5.0  # seconds of computing for one spec; more is a finding, too
PLACED = re.compile(r"[a-z0-9]+\.yaml(:\d+:\d+)?: [^\n]+")


class Outcome(NamedTuple):
    """What became of one mutated spec; `trace` of what was not declared."""

    system: str
    done: str
    kind: str
    said: str = ""
    trace: str = ""

    @property
    def declared(self) -> bool:
        return not self.trace


@dataclass(frozen=True, slots=True)
class Original:
    """A spec as it lies in the repository."""

    name: str
    text: bytes
    document: Document


def originals() -> list[Original]:
    paths = sorted(RELEASES.glob("*.yaml"))
    texts = [(path.name, path.read_bytes()) for path in paths]
    return [Original(name, text, read_yaml(text, name)) for name, text in texts]


def outcomes(count: int, seed: int = 1) -> Iterator[Outcome]:
    """So many mutations, one in ten of them of the file's text; each depends on the seed and its number alone."""
    found = originals()
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")
        yield one(found[number % len(found)], chance, as_text=number // len(found) % 10 == 0)


def one(original: Original, chance: random.Random, *, as_text: bool) -> Outcome:
    began, done = time.process_time(), "?"
    try:
        if as_text:
            text, done = mutated_text(original.text, chance)
            spec = read_spec(text, original.name)
        else:
            value, done = mutated(original.document.value, chance)
            spec = spec_from(Document(value, original.document.places), original.name)
        kind = _on_paper(spec, original)
    except SpecError as refused:
        said = str(refused)
        if not all(PLACED.fullmatch(line) for line in said.split("\n") if not line.startswith("and ")):
            return Outcome(original.name, done, "no place", said, trace=f"SpecError without file and place: {said!r}")
        return Outcome(original.name, done, _kind(said, as_text=as_text), said)
    except Exception as wrong:  # noqa: BLE001  # whatever it is: that is what is looked for
        return Outcome(original.name, done, type(wrong).__name__, str(wrong), traceback.format_exc())
    if (took := time.process_time() - began) > SLOW:
        return Outcome(original.name, done, "slow", f"{took:.1f} s", trace=f"took {took:.1f} s")
    return Outcome(original.name, done, kind)


def _on_paper(spec: Spec, original: Original) -> str:
    begins = None if spec.identity and spec.identity.target else NOW
    told = on_paper(spec, original.name, begins, text=original.text)
    found = remarks(spec, told, TODAY)
    unbuilt_sentences(spec)
    fields_of_connectors(spec, original.name, original.text)
    return "read, with warnings" if any(remark.serious for remark in found) else "read"


def _kind(said: str, *, as_text: bool) -> str:
    for word, kind in (("unknown field", "refused: unknown field"), ("needed and missing", "refused: missing field"),
                       ("is not defined", "refused: name not defined"), ("used twice", "refused: name twice"),
                       ("allowed:", "refused: not one of the choices"), ("found", "refused: wrong value")):  # fmt: skip
        if word in said.split("\n", 1)[0]:
            return "refused: text" if as_text and kind == "refused: wrong value" else kind
    return "refused: text" if as_text else "refused: rule or unit"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began, kinds, wrong = time.monotonic(), Counter[str](), 0
    for outcome in outcomes(asked.count, asked.seed):
        kinds[outcome.kind] += 1
        if not outcome.declared:
            wrong += 1
            print(f"UNDECLARED {outcome.system}: {outcome.done}\n{outcome.trace}", flush=True)
    for kind, count in kinds.most_common():
        print(f"{count:7,}  {kind}")
    print(f"{asked.count:7,}  mutations, {wrong} undeclared, {time.monotonic() - began:.0f} s, seed {asked.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
