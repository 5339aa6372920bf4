"""
Reads a condition into a tree; nothing of it is ever run as Python.

From loosest to tightest: `?:` `|` `or` `and` comparisons and `in`, `..`, `+ -`, `not`, `* / %`, sign, `**`, `??`.
Source of the order: expr 1.17, parser/operator/operator.go and parser/parser.go.
"""

from __future__ import annotations

from functools import lru_cache

from tidegate.judge.foreign.argo.tokens import ConditionError, Sort, Token, tokens
from tidegate.judge.foreign.argo.tree import (
    Call,
    Choice,
    Constant,
    Listed,
    Mapped,
    Member,
    Name,
    Node,
    Pairing,
    Part,
    Sign,
)

DEEPEST = 60  # brackets within brackets
WORDS = {"or": "||", "and": "&&"}
COMPARING = ("==", "!=", "<", ">", "<=", ">=", "in", "matches", "contains", "startsWith", "endsWith")
TIGHTNESS = {
    "|": 0, "||": 10, "&&": 15, **dict.fromkeys(COMPARING, 20), "..": 25, "+": 30, "-": 30,
    "*": 60, "/": 60, "%": 60, "**": 100, "^": 100, "??": 500,
}  # fmt: skip
SIGNS = {"!": 50, "not": 50, "-": 90, "+": 90}
NEGATABLE = ("in", "matches", "contains", "startsWith", "endsWith")
CONSTANTS = {"true": True, "false": False, "nil": None}


@lru_cache(maxsize=1024)  # a metric asks the same condition at every measurement
def parse(condition: str) -> Node:
    """The tree of a condition; ConditionError says at which word it stops making sense."""
    reader = _Reader(tokens(condition))
    node = reader.expression()
    reader.end()
    return node


class _Reader:
    def __init__(self, found: list[Token]) -> None:
        self.tokens, self.place, self.depth = found, 0, 0

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def sees(self, *texts: str) -> bool:
        return self.token.sort in {Sort.SIGN, Sort.NAME} and self.token.text in texts

    def took(self, *texts: str) -> bool:
        if not self.sees(*texts):
            return False
        self.place += 1
        return True

    def must(self, text: str) -> None:
        if not self.took(text):
            raise ConditionError(f"found {self.token.text}, expected {text}")

    def end(self) -> None:
        if self.token.sort is not Sort.END:
            raise ConditionError(f"unexpected {self.token.text}")

    def expression(self, least: int = 0) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ConditionError(f"nested more than {DEEPEST} deep")
        left = self._signed()
        while (sign := self._sign(least)) is not None:
            left = self._paired(sign, left)
        if least == 0:
            left = self._choice(left)
        self.depth -= 1
        return left

    def _sign(self, least: int) -> str | None:
        """The operator here if it binds at least this tightly, with "not " before it where it is negated."""
        if self.token.sort not in {Sort.SIGN, Sort.NAME}:
            return None
        text = WORDS.get(self.token.text, self.token.text)
        if text == "not" and self.tokens[self.place + 1].text in NEGATABLE:
            text = f"not {self.tokens[self.place + 1].text}"
        tightness = TIGHTNESS.get(text.removeprefix("not "))
        if tightness is None or tightness < least:
            return None
        self.place += 2 if text.startswith("not ") else 1
        return text

    def _paired(self, sign: str, left: Node) -> Node:
        if sign == "|":
            return self._piped(left)
        tightness = TIGHTNESS[sign.removeprefix("not ")]
        right = self.expression(tightness if sign in {"**", "^"} else tightness + 1)
        if sign.startswith("not "):
            return Sign("!", Pairing(sign.removeprefix("not "), left, right))
        return Pairing(sign, left, right)

    def _piped(self, left: Node) -> Node:
        called = self._signed()
        if not isinstance(called, Call):
            raise ConditionError("| needs a call behind it")
        return Call(called.called, (left, *called.arguments))

    def _choice(self, condition: Node) -> Node:
        while self.took("?"):
            if self.took(":"):
                condition = Choice(condition, condition, self.expression())
                continue
            yes = self.expression()
            self.must(":")
            condition = Choice(condition, yes, self.expression())
        return condition

    def _signed(self) -> Node:
        for sign, tightness in SIGNS.items():
            if self.took(sign):
                return Sign("!" if sign == "not" else sign, self.expression(tightness))
        return self._behind(self._first())

    def _first(self) -> Node:
        token = self.token
        if token.sort in {Sort.NUMBER, Sort.STRING}:
            self.place += 1
            return Constant(token.value)
        if token.sort is Sort.NAME:
            self.place += 1
            return Constant(CONSTANTS[token.text]) if token.text in CONSTANTS else Name(token.text)
        if self.took("("):
            node = self.expression()
            self.must(")")
            return node
        if self.took("["):
            return Listed(self._listed("]"))
        if self.sees("{"):
            return self._braced()
        if self.sees("."):  # inside a predicate: a field of the element
            return Name("#")
        raise ConditionError(f"unexpected {token.text}")

    def _behind(self, node: Node) -> Node:
        """Members, parts and calls that follow."""
        while True:
            if self.sees(".", "?."):
                optional = self.token.text == "?."
                self.place += 1
                if optional and self.took("["):
                    node = Member(node, self.expression(), optional=True)
                    self.must("]")
                    continue
                if self.token.sort is not Sort.NAME:
                    raise ConditionError(f"found {self.token.text}, expected a field's name")
                node = Member(node, Constant(self.token.text), optional)
                self.place += 1
            elif self.took("["):
                node = self._indexed(node)
            elif self.took("("):
                node = Call(node, self._listed(")"))
            else:
                return node

    def _indexed(self, node: Node) -> Node:
        low = None if self.sees(":") else self.expression()
        if low is not None and self.took("]"):
            return Member(node, low)
        self.must(":")
        high = None if self.sees("]") else self.expression()
        self.must("]")
        return Part(node, low, high)

    def _listed(self, close: str) -> tuple[Node, ...]:
        items = list[Node]()
        while not self.took(close):
            if items:
                self.must(",")
                if self.took(close):
                    break
            items.append(self._predicate() if close == ")" and self.sees("{") else self.expression())
        return tuple(items)

    def _predicate(self) -> Node:
        """`{# > 1}` as an argument is a predicate, `{a: 1}` a map."""
        start = self.place
        self.must("{")
        if self.tokens[self.place + 1].text == ":" or self.sees("}"):
            self.place = start
            return self._braced()
        node = self.expression()
        self.must("}")
        return node

    def _braced(self) -> Node:
        self.must("{")
        items = list[tuple[Node, Node]]()
        while not self.took("}"):
            if items:
                self.must(",")
            key: Node = Constant(self.token.value if self.token.sort is Sort.STRING else self.token.text)
            if self.token.sort not in {Sort.STRING, Sort.NAME, Sort.NUMBER}:
                raise ConditionError(f"found {self.token.text}, expected a key")
            self.place += 1
            self.must(":")
            items.append((key, self.expression()))
        return Mapped(tuple(items))
