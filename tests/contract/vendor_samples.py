"""
The smallest answers that a vendor's own description allows, for stand-ins: what matters to a test is laid over it.

Without the description the overlay is the whole answer.
"""

from __future__ import annotations

from typing import Any

from tests.contract.vendor_contracts import contract

_PLAIN: dict[str, Any] = {"string": "x", "integer": 1, "number": 1.0, "boolean": False, "null": None}
_FORMATS = {
    "date-time": "2026-12-01T09:00:00Z", "uri": "https://example.com/x", "date": "2026-12-01",
    "uuid": "00000000-0000-4000-8000-000000000000", "email": "kim@example.com",
}  # fmt: skip


def answer(vendor: str, method: str, path: str, status: int, over: Any = None) -> Any:
    """A whole answer of this operation, with `over` laid on it: objects are merged, members of lists each."""
    told = contract(vendor).told
    if told is None:
        return {} if over is None else over
    response = told["paths"][path][method.lower()]["responses"][str(status)]
    content = _led(told, response).get("content", {})
    schema = next(one["schema"] for kind, one in content.items() if "json" in kind)
    return _made(told, schema, over, 0)


def _led(told: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in one:
        found: Any = told
        for part in one["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/")]
        one = found
    return one


def _made(told: dict[str, Any], schema: dict[str, Any], over: Any, depth: int) -> Any:
    schema = _led(told, schema)
    if over is not None and not isinstance(over, dict | list):
        return over
    for several in ("oneOf", "anyOf"):
        if several in schema:
            kinds = [_led(told, one) for one in schema[several]]
            return _made(told, next((k for k in kinds if _fits(k, over)), kinds[0]), over, depth)
    if "allOf" in schema:
        made: dict[str, Any] = {}
        for one in schema["allOf"]:
            made |= _made(told, one, None, depth) or {}
        return {**made, **(over if isinstance(over, dict) else {})}
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        least = schema.get("minItems", 0)
        members = over if isinstance(over, list) else [None] * least
        return [_made(told, schema.get("items", {}), one, depth + 1) for one in members]
    if kind == "object":
        over = over if isinstance(over, dict) else {}
        known = schema.get("properties", {})
        made = {n: _made(told, known.get(n, {}), over.get(n), depth + 1) for n in schema.get("required", [])}
        more = {n: _made(told, known[n], v, depth + 1) if n in known else v for n, v in over.items() if n not in made}
        return made | more | {n: None for n, v in over.items() if v is None}
    if schema.get("nullable") and over is None:
        return None
    if "enum" in schema:
        return schema["enum"][0]
    return _FORMATS.get(schema.get("format", ""), _PLAIN.get(kind))


def _fits(schema: dict[str, Any], over: Any) -> bool:
    """Whether what is laid over has this form, with all that the form needs."""
    if isinstance(over, list):
        return bool(schema.get("type") == "array")
    return isinstance(over, dict) and schema.get("type") == "object" and set(schema.get("required", [])) <= set(over)
