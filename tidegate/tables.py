"""What differs between two backups, table by table; each is (rows, fingerprint), as in `ports.BackupProof`."""

from __future__ import annotations

from collections.abc import Mapping

Tables = Mapping[str, tuple[int, str]]


def difference(ours: Tables, theirs: Tables) -> str:
    """What `theirs` has otherwise, in one sentence about the first such table; empty when nothing."""
    for name in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(name), theirs.get(name)
        if here == there:
            continue
        if here is None or there is None:
            return f"table {name} is {'missing' if there is None else 'too many'}"
        if here[0] != there[0]:
            return f"table {name} has {there[0]:,} rows instead of {here[0]:,}"
        return f"table {name} has {here[0]:,} rows, but holds other values"
    return ""
