"""
Writes docs/requirements-status.md: what is known, what a test proves, and what no test proves yet.

    python -m tests.house.status        (`make docs`)

Only tests count. The page is generated and committed; a house test fails when it is out of date.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from tests.house.catalogue import CATALOGUE, KINDS, LIST, Known, as_text, known, read_catalogue
from tests.house.proofs import Proof, proofs
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "requirements-status.md"
PLURAL = {
    "capability": "Capabilities",
    "requirement": "Requirements",
    "invariant": "Invariants",
    "goal": "Goals",
    "experience": "Experience",
}
INTRODUCTION = """\
# Requirements status

Written by `make docs` from the tests; do not edit. A line means: a test with this name is run by `make test`
and says, by a `proves` marker, that it shows this. Nothing else counts: no intention, no code without a test.
A test that is skipped or expected to fail does not count. What has no test is listed as such.
"""


def page(catalogue: Sequence[Known], claims: Iterable[Proof]) -> str:
    """The whole page, from the list of what is known and the tests' claims."""
    tests: dict[str, list[str]] = defaultdict(list)
    for proof in claims:
        tests[proof.id].append(proof.test)
    return "\n".join([INTRODUCTION, *_summary(catalogue, tests), *_parts(catalogue, tests)])


def unknown(catalogue: Iterable[Known], claims: Iterable[Proof]) -> list[Proof]:
    """Claims of IDs that do not exist: a slip of the pen would otherwise prove nothing in silence."""
    ids = {entry.id for entry in catalogue}
    return [proof for proof in claims if proof.id not in ids]


def _summary(catalogue: Sequence[Known], tests: Mapping[str, list[str]]) -> Iterator[str]:
    yield "| | with a test | known |"
    yield "| --- | ---: | ---: |"
    for kind in KINDS:
        of_kind = [entry for entry in catalogue if entry.kind == kind]
        yield f"| {PLURAL[kind]} | {_proven(of_kind, tests)} | {len(of_kind)} |"
    yield ""


def _parts(catalogue: Sequence[Known], tests: Mapping[str, list[str]]) -> Iterator[str]:
    for kind, of_kind in groupby(catalogue, key=lambda entry: entry.kind):
        yield f"## {PLURAL[kind]}\n"
        for part, group in groupby(of_kind, key=lambda entry: entry.part):
            entries = list(group)
            count = f"{_proven(entries, tests)} of {len(entries)}"
            yield f"### {part}: {count}\n" if part != PLURAL[kind] else f"{count}.\n"
            yield from _table([entry for entry in entries if entry.id in tests], tests)
            if missing := [entry.id for entry in entries if entry.id not in tests]:
                yield f"Without a test: {', '.join(_runs(missing))}.\n"


def _table(entries: Sequence[Known], tests: Mapping[str, list[str]]) -> Iterator[str]:
    if not entries:
        return
    yield "| | what | tests |"
    yield "| --- | --- | --- |"
    for entry in entries:
        named = "<br>".join(f"`{test}`" for test in sorted(tests[entry.id]))
        yield f"| `{entry.id}` | {entry.title} | {named} |"
    yield ""


def _proven(entries: Iterable[Known], tests: Mapping[str, list[str]]) -> int:
    return sum(entry.id in tests for entry in entries)


def _runs(ids: Sequence[str]) -> Iterator[str]:
    """Neighbouring numbers as one: S0-003, S0-004, S0-005 is `S0-003`-`S0-005`."""
    run: list[str] = []
    for one in [*ids, ""]:
        if run and not _follows(run[-1], one):
            yield f"`{run[0]}`" if len(run) == 1 else f"`{run[0]}`-`{run[-1]}`"
            run = []
        run.append(one)


def _follows(before: str, after: str) -> bool:
    first, second = (re.fullmatch(r"(.*?)(\d+)", one) for one in (before, after))
    return bool(first and second and first[1] == second[1] and int(second[2]) == int(first[2]) + 1)


def main() -> None:
    """Write the list of IDs, where the catalogue lies beside the repository, and the page."""
    if CATALOGUE.is_dir():
        LIST.write_text(as_text(read_catalogue()), encoding="utf-8")
    catalogue, claims = known(), proofs()
    for proof in unknown(catalogue, claims):
        print(f"unknown: {proof.id} in {proof.test}")  # the house test fails on it; the page leaves it out
    PAGE.write_text(page(catalogue, claims), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len({proof.id for proof in claims})} of {len(catalogue)} with a test")


if __name__ == "__main__":
    main()
