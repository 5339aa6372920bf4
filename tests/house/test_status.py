"""The page of what is proven tells the truth, and is the one that was committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.catalogue import CATALOGUE, LIST, Known, as_text, known, read_catalogue
from tests.house.proofs import Proof, proofs, proofs_of
from tests.house.status import PAGE, page, unknown


def test_every_id_that_a_test_claims_exists() -> None:
    wrong = unknown(known(), proofs())
    assert not wrong, "\n".join(f"{proof.test} claims {proof.id!r}, which is not known" for proof in wrong)


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(known(), proofs()), "run `make docs` and commit the page"


def test_the_list_of_ids_is_complete() -> None:
    counts = {kind: sum(entry.kind == kind for entry in known()) for kind in ("capability", "requirement")}
    assert counts == {"capability": 131, "requirement": 619}
    ids = {entry.id for entry in known()}
    numbered = [("I", 31), ("G", 16), ("E", 34)]
    assert {f"{letter}{n}" for letter, last in numbered for n in range(1, last + 1)} <= ids
    assert len(ids) == len(known())


def test_the_list_of_ids_is_the_catalogues() -> None:
    if not CATALOGUE.is_dir():  # a clone has the list alone; where the catalogue is, the two must agree
        return
    assert LIST.read_text(encoding="utf-8") == as_text(read_catalogue()), "run `make docs` and commit the list"


def test_marks_are_read_from_functions_classes_modules_and_parameters(tmp_path: Path) -> None:
    file = tmp_path / "test_example.py"
    file.write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.proves('I1')\n"
        "@pytest.mark.proves('rb.traffic', 'S3-037')\n"
        "def test_a(): ...\n"
        "@pytest.mark.proves('I2')\n"
        "class TestB:\n"
        "    @pytest.mark.proves('I3')\n"
        "    def test_c(self): ...\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.proves('I4'))])\n"
        "def test_d(x): ...\n"
        "@pytest.mark.skip\n"
        "@pytest.mark.proves('I5')\n"
        "def test_not_run(): ...\n"
        "@pytest.mark.xfail(strict=True)\n"
        "@pytest.mark.proves('I6')\n"
        "def test_known_to_fail(): ...\n"
        "@pytest.mark.proves('I7')\n"
        "def helper(): ...\n"
    )
    found = {(proof.id, proof.test.rpartition("::")[2]) for proof in proofs_of(file)}
    assert found == {
        ("I1", "test_a"),
        ("rb.traffic", "test_a"),
        ("S3-037", "test_a"),
        ("I1", "test_c"),
        ("I2", "test_c"),
        ("I3", "test_c"),
        ("I1", "test_d"),
        ("I4", "test_d"),
    }


def test_an_id_that_is_not_a_plain_string_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.house.tree.ROOT", tmp_path)
    file = tmp_path / "test_example.py"
    file.write_text("import pytest\nALL = ['I1']\n@pytest.mark.proves(*ALL)\ndef test_a(): ...\n")
    with pytest.raises(TypeError, match="plain strings"):
        list(proofs_of(file))


def test_the_page_counts_only_what_a_test_claims_and_lists_the_rest() -> None:
    catalogue = [Known("goal", "Goals", f"G{n}", f"goal {n}") for n in range(1, 6)]
    told = page(catalogue, [Proof("G2", "tests/unit/test_x.py::test_y")])
    assert "| Goals | 1 | 5 |" in told
    assert "| `G2` | goal 2 | `tests/unit/test_x.py::test_y` |" in told
    assert "Without a test: `G1`, `G3`-`G5`." in told
    assert unknown(catalogue, [Proof("G9", "t")]) == [Proof("G9", "t")]
