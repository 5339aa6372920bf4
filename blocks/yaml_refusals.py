"""Why a file of YAML is refused, and what to do: the sentences of `yaml_spec`, and the limits that they name."""

from __future__ import annotations

import re

MOST_DEPTH = 20
MOST_NODES = 10_000
MOST_DIGITS = 40  # Python itself refuses to read numbers of more than 4,300 digits, with another error

QUOTE = "Within {...} and [...], put a text that holds , ? : # [ ] { or } in quotes."

# Why something is refused: what was found and what is allowed; what to do.
REFUSALS = {
    "alias": ("found the alias *{}; aliases are not allowed", "Write the value out."),
    "anchor": ("found the anchor &{}; anchors are not allowed", "Remove it."),
    "deep": (f"found values nested deeper than the {MOST_DEPTH} levels allowed", "Make it flatter."),
    "empty": ("the file is empty; a spec is a mapping of keys to values", "Write the spec into it."),
    "invisible": (
        "the text holds {}; of such characters, tabs and line ends are allowed",
        "Remove the escape.",
    ),
    "key": ("found {} as a key; a key is text", "Write a name, or put it in quotes."),
    "many": (f"found more than the {MOST_NODES:,} values allowed", "Split the spec by system."),
    "merge": ("found the merge key <<; merging is not allowed", "Write the keys out."),
    "number": (
        f"found {{}}; a number is finite and has at most {MOST_DIGITS} digits",
        "Write such a number, or put the text in quotes.",
    ),
    "second": ("found a second document; a file holds one", "Move it to a file of its own."),
    "syntax": ("this is not YAML: {}", "Correct this line or the one before it."),
    "flow": ("this is not YAML: {}", f"{QUOTE} Else a bracket is missing on this line or the one before it."),
    "tag": ("found the tag {}; tags are not allowed", "Remove it."),
    "twice": ("found this key a second time (first in line {}); once is allowed", "Remove one of the two."),
}


def plain(said: str) -> str:
    """The parser's words without its own names of things: `but got '<scalar>'`."""
    return re.sub(r"'<(block )?(\w+)( \w+)?>'", lambda found: _TOKENS.get(found[2], f"the {found[2]}"), said)


_TOKENS = {"scalar": "more text", "end": "the end of the block", "mapping": "a new key", "stream": "the file's end"}
