"""
What a condition can be refused for before it is decided, as expr refuses it when it compiles.

Names are resolved and kinds compared even in the half of an `or` that is never reached. Kinds carry Go's names, since
they show in messages; `interface {}` is what is only known at run time.
"""

from __future__ import annotations

from tidegate.judge.foreign.argo.syntax import COMPARING
from tidegate.judge.foreign.argo.tokens import ConditionError
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

ANY, NIL, BOOL, STRING = "interface {}", "<nil>", "bool", "string"
INT, INT64, FLOAT = "int", "int64", "float64"
FLOATS, LIST, MAP = "[]float64", "[]interface {}", "map[string]interface {}"
NUMBERS, LISTS = {INT, INT64, FLOAT}, {FLOATS, LIST}
PREDICATES = {"all", "any", "none", "one", "filter", "map", "count", "find", "findIndex", "sum"}

# name -> (kinds of the parameters, "" for any and "..." for any number of them; kind of the answer)
Signature = tuple[tuple[str, ...], str]
FUNCTIONS: dict[str, Signature] = {
    "asInt": (("",), INT64), "asFloat": (("",), FLOAT), "isNaN": ((FLOAT,), BOOL), "isInf": ((FLOAT,), BOOL),
    "isNil": (("",), BOOL), "default": (("", ""), ANY), "len": (("",), INT),
    "all": ((LIST, BOOL), BOOL), "any": ((LIST, BOOL), BOOL), "none": ((LIST, BOOL), BOOL), "one": ((LIST, BOOL), BOOL),
    "filter": ((LIST, BOOL), LIST), "map": ((LIST, ""), LIST), "count": ((LIST, BOOL), INT),
    "find": ((LIST, BOOL), ANY),
    "findIndex": ((LIST, BOOL), INT), "sum": ((LIST, ""), ANY), "min": (("...",), ANY), "max": (("...",), ANY),
    "mean": (("...",), FLOAT), "median": (("...",), FLOAT), "abs": ((FLOAT,), ANY), "ceil": ((FLOAT,), FLOAT),
    "floor": ((FLOAT,), FLOAT), "round": ((FLOAT,), FLOAT), "int": (("",), INT), "float": (("",), FLOAT),
    "string": (("",), STRING), "first": ((LIST,), ANY), "last": ((LIST,), ANY), "keys": ((MAP,), LIST),
    "values": ((MAP,), LIST), "trim": ((STRING,), STRING), "upper": ((STRING,), STRING), "lower": ((STRING,), STRING),
}  # fmt: skip
SHORTER = {"count", "sum"}  # the predicate may be left out


def kind_of(value: object) -> str:
    """The Go kind of a value; a list of numbers only is what a metrics server answers with."""
    if isinstance(value, list):
        numbers = value and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
        return FLOATS if numbers else LIST
    for kind, name in ((bool, BOOL), (int, INT), (float, FLOAT), (str, STRING), (dict, MAP)):
        if isinstance(value, kind):
            return name
    return NIL


def check(node: Node, result: str, element: str = "") -> str:  # noqa: C901 - one arm for each node of the tree
    """
    The kind of this part of a condition, where `result` is of that kind; `element` is the kind of `#` in a predicate.

    Raises ConditionError for unknown names, calls that do not fit, and kinds that cannot meet.
    """
    match node:
        case Constant(value):
            return kind_of(value)
        case Name(name):
            return _name(name, result, element)
        case Member(of, key):
            return _member(check(of, result, element), key, check(key, result, element))
        case Part(of, low, high):
            for end in (low, high):
                _must(NUMBERS, INT if end is None else check(end, result, element), "a part needs numbers")
            return check(of, result, element)
        case Call(called, arguments):
            return _call(called, arguments, result, element)
        case Sign(sign, of):
            kind = check(of, result, element)
            _must({BOOL} if sign == "!" else NUMBERS, kind, f"invalid operation: {sign} (mismatched type {kind})")
            return kind
        case Pairing(sign, left, right):
            return _pair(sign, check(left, result, element), check(right, result, element))
        case Choice(condition, yes, no):
            _must({BOOL}, check(condition, result, element), "a non-bool expression before ?")
            kinds = {check(yes, result, element), check(no, result, element)}
            return kinds.pop() if len(kinds) == 1 else ANY
        case Listed(items):
            kinds = {check(item, result, element) for item in items}
            return FLOATS if kinds and kinds <= NUMBERS else LIST
        case Mapped(items):
            for _, value in items:
                check(value, result, element)
            return MAP


def _must(allowed: set[str], kind: str, message: str) -> None:
    if kind != ANY and kind not in allowed:
        raise ConditionError(message)


def _name(name: str, result: str, element: str) -> str:
    if name == "result":
        return result
    if name.startswith("#"):
        if not element:
            raise ConditionError(f"{name} stands outside of a predicate")
        return INT if name == "#index" else element
    if name in FUNCTIONS:
        return ANY
    raise ConditionError(f"unknown name {name}")


def _member(of: str, key: Node, kind: str) -> str:
    shown = key.value if isinstance(key, Constant) else "…"
    if of in LISTS:
        _must(NUMBERS, kind, f"cannot fetch {shown} from {of}")
        return FLOAT if of == FLOATS else ANY
    _must({MAP}, of, f"type {of} has no field {shown}")
    return ANY


def _call(called: Node, arguments: tuple[Node, ...], result: str, element: str) -> str:
    if not isinstance(called, Name) or called.name not in FUNCTIONS:
        kind = check(called, result, element)
        raise ConditionError(f"{kind} is not callable")
    parameters, answer = FUNCTIONS[called.name]
    if parameters == ("...",):
        parameters = ("",) * max(1, len(arguments))
    if not len(parameters) - (called.name in SHORTER) <= len(arguments) <= len(parameters):
        raise ConditionError(f"{called.name} takes {len(parameters)} arguments, found {len(arguments)}")
    over = element
    for place, (parameter, argument) in enumerate(zip(parameters, arguments, strict=False)):
        if place == 1 and called.name in PREDICATES:
            over = FLOAT if check(arguments[0], result, element) == FLOATS else ANY
        kind = check(argument, result, over)
        if parameter:
            allowed = NUMBERS if parameter == FLOAT else LISTS if parameter == LIST else {parameter}
            _must(allowed, kind, f"cannot use {kind} as argument (type {parameter}) to call {called.name}")
    return answer


def _pair(sign: str, left: str, right: str) -> str:
    if sign == "??":
        return right if left == NIL else ANY
    kinds, known = {left, right}, {left, right} - {ANY}
    mismatched = f"invalid operation: {sign} (mismatched types {left} and {right})"
    if sign in {"==", "!="}:
        same = len(known) < 2 or NIL in known or known <= NUMBERS or known <= LISTS
        _must({BOOL}, BOOL if same else NIL, mismatched)
        return BOOL
    if sign == "in":
        _must(LISTS | {MAP}, right, mismatched)
        return BOOL
    if sign in {"&&", "||"}:
        _fits(known, ({BOOL},), mismatched)
        return BOOL
    if sign in {"matches", "contains", "startsWith", "endsWith"}:
        _fits(known, ({STRING},), mismatched)
        return BOOL
    _fits(known, (NUMBERS, {STRING}) if sign == "+" or sign in COMPARING else (NUMBERS,), mismatched)
    if sign in COMPARING:
        return BOOL
    if sign == "..":
        return FLOATS
    if ANY in kinds:
        return ANY if sign == "+" else FLOAT
    return FLOAT if sign in {"/", "**", "^"} or FLOAT in kinds else left


def _fits(known: set[str], choices: tuple[set[str], ...], message: str) -> None:
    if not any(known <= choice for choice in choices):
        raise ConditionError(message)
