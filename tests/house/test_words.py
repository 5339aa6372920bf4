"""What the project's files do not speak of: one machine's folders, and where packages are fetched from."""

from __future__ import annotations

import re

from tests.house.tree import ROOT, own_files, place, text_of

# Put together here so that this file does not contain what it looks for.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
    )
]
MACHINE = re.compile("|".join((r"(?<![\w.])/wo" + r"rk/\w", r"/ro" + r"ot/\.", r"/ho" + r"me/\w+/", r"/bash" + "_")))


def test_no_file_names_a_package_registry() -> None:
    wrong = [f"{place(path)}: {host}" for path in own_files() for host in REGISTRIES if host in text_of(path)]
    assert not wrong, wrong


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    here = str(ROOT)
    wrong = [
        f"{place(path)}: {found.group()}"
        for path in own_files()
        if (found := MACHINE.search(text := text_of(path))) or (here in text and (found := re.search(here, text)))
    ]
    assert not wrong, wrong
