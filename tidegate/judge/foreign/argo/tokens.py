"""Cuts a condition into words. The language is the part of expr (github.com/expr-lang/expr) that conditions need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST, MOST = 4000, 400  # characters and words of a condition: its tree is walked by recursion
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`", "0": "\0"}


class ConditionError(ValueError):
    """A condition that cannot be read or cannot be decided: its measurement is an Error."""


class Sort(StrEnum):
    NUMBER = "number"
    STRING = "string"
    NAME = "name"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    sort: Sort
    text: str
    value: object = None


_TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\n]*|/\*.*?\*/)
    | (?P<number>0[xX][0-9a-fA-F]+ | ([0-9][0-9_]*)?\.[0-9][0-9_]*([eE][+-]?[0-9]+)?
                | [0-9][0-9_]*(\.(?!\.)[0-9]*)?([eE][+-]?[0-9]+)?)
    | (?P<string>"(\\.|[^"\\])*" | '(\\.|[^'\\])*' | `[^`]*`)
    | (?P<name>\#?[A-Za-z_$][A-Za-z0-9_$]* | \#)
    | (?P<sign>\?\.|\?\?|\|\||&&|==|!=|<=|>=|\.\.|\*\*|[-+*/%^<>!?:|.,;=()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(condition: str) -> list[Token]:
    """The words of a condition, an END behind them; ConditionError for a character that none can begin with."""
    if len(condition) > LONGEST:
        raise ConditionError(f"a condition of {len(condition)} characters; at most {LONGEST} are read")
    found, place = list[Token](), 0
    while place < len(condition):
        match = _TOKEN.match(condition, place)
        if match is None:
            raise ConditionError(f"unrecognized character {condition[place]!r} at {place}")
        place = match.end()
        if match["number"] is not None:
            found.append(Token(Sort.NUMBER, match["number"], _number(match["number"])))
        elif match["string"] is not None:
            found.append(Token(Sort.STRING, match["string"], _string(match["string"])))
        elif match["name"] is not None:
            found.append(Token(Sort.NAME, match["name"]))
        elif match["sign"] is not None:
            found.append(Token(Sort.SIGN, match["sign"]))
    if len(found) > MOST:
        raise ConditionError(f"a condition of {len(found)} words; at most {MOST} are read")
    return [*found, Token(Sort.END, "the end")]


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    if plain[:2].lower() == "0x":
        return int(plain, 16)
    return int(plain) if plain.isdigit() else float(plain)


def _string(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    return re.sub(r"\\(.)", lambda escaped: ESCAPES.get(escaped[1], escaped[0]), text[1:-1], flags=re.DOTALL)
