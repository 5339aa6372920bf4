"""
The text of a Traefik route's file: comments with the mark, then the configuration as JSON, which is YAML.

The pure part of the lowering half (standard library only, no file is opened here). What a person added to the
configuration stays in it; what Tidegate writes are the two weights, the sides' instances and the mark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tidegate.errors import NotUnderstood
from tidegate.traffic import Mark, Setting, Side, Split

MARK = "# tidegate-mark:"
ROUTE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")  # no dot: "shop.v2" splits at its first dot, one way only
SIDE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
UNEXPECTED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)

Document = dict[str, Any]


def service_name(route: str, side: Side) -> str:
    """What Traefik calls a side; its metrics carry it as `service="shop.v2@file"`."""
    return f"{route}.{side.name}"


# ---- reading


def document_of(text: str) -> Document | None:
    """The configuration below the comments; None for anything but one JSON object without doubled names."""
    body = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
    try:
        document = json.loads(body, object_pairs_hook=_without_doubles)
    except UNEXPECTED:
        return None
    return document if isinstance(document, dict) else None


def _without_doubles(pairs: list[tuple[str, Any]]) -> Document:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def mark_of(text: str) -> Mark | None:
    """The mark; None when its line is missing, doubled or unreadable."""
    try:
        (line,) = (line for line in text.split("\n") if line.startswith(MARK))
        return Mark.from_json(json.loads(line.removeprefix(MARK)))
    except UNEXPECTED:
        return None


def split_of(route: str, document: Document | None) -> Split | None:
    """
    Who serves, if this is a configuration of ours: one or two weighted sides, the first is stable.

    Hand-edited weights that do not sum to 100 are read as shares of their sum; a share above nothing is at
    least 1 %, one below everything at most 99 %. Two zeros read as 0 (the next write gives stable its 100).
    """
    try:
        web = (document or {})["http"]
        if web["routers"][route]["service"].removesuffix("@file") != route:
            return None
        (name, first), *rest = shares(web["services"][route])
        stable = _side(route, name, web["services"][name])
        if not rest:
            return Split(stable)
        ((name, second),) = rest
        canary = _side(route, name, web["services"][name])
        return Split(stable, canary, percent(first, second)) if stable.name != canary.name else None
    except UNEXPECTED:
        return None


def shares(service: Document) -> list[tuple[str, int]]:
    """Names and weights of a weighted service; one of UNEXPECTED for anything else."""
    read = [(side["name"].removesuffix("@file"), side["weight"]) for side in service["weighted"]["services"]]
    if any(type(weight) is not int or weight < 0 for _, weight in read):
        raise ValueError("a weight is a whole number from 0 on")
    return read


def _side(route: str, name: str, service: Document) -> Side:
    if not name.startswith(f"{route}."):
        raise ValueError(f"{name} is no side of {route}")
    return Side(name.removeprefix(f"{route}."), tuple(server["url"] for server in service["loadBalancer"]["servers"]))


def percent(stable: int, canary: int) -> int:
    """The canary's share of two weights as Tidegate counts it; traffic is never rounded away."""
    if canary == 0:
        return 0
    return 100 if stable == 0 else min(99, max(1, round(100 * canary / (stable + canary))))


# ---- writing


def text_of(route: str, setting: Setting, document: Document) -> str:
    """The whole file; `document` shows the setting's split already."""
    # Traefik reads its files as Go templates: two braces in a string would be an instruction to it.
    body = json.dumps(document, indent=2).replace("{{", r"\u007b\u007b")
    split = setting.split
    if split.canary is None:
        told = [f"All traffic goes to stable ({service_name(route, split.stable)}); there is no canary."]
    else:
        told = [
            'To send all traffic to stable by hand: under "services" below, change two numbers, the',
            f'"weight" of {service_name(route, split.stable)} to 100,',
            f"that of {service_name(route, split.canary)} to 0, and save.",
            "Traefik follows within a second, nothing is restarted; Tidegate takes it for a rollback.",
        ]
    told.append("Please leave the first line: it says to which release this route belongs.")
    return "\n".join([_mark_line(setting.mark), *(f"# {line}" for line in told), body, ""])


def with_mark(text: str, mark: Mark) -> str:
    """The same file under another mark: whatever else stands in it stays, byte by byte."""
    return "\n".join(_mark_line(mark) if line.startswith(MARK) else line for line in text.split("\n"))


def _mark_line(mark: Mark) -> str:
    return f"{MARK} {json.dumps(mark.to_json())}".replace("{{", r"\u007b\u007b")


def filled(route: str, document: Document | None, split: Split, address: Mapping[str, Any]) -> Document:
    """The configuration with this split in it; one that is not ours is made anew from `address`."""
    old = document if document and split_of(route, document) else {"http": _front(route, address)}
    web = dict(old["http"])
    services = services_of(route, split, web.pop("services", {}), address.get("health"))
    if address.get("sticky_cookie"):
        cookie = {"name": address["sticky_cookie"], "httpOnly": True, "sameSite": "lax"}
        services[route]["weighted"]["sticky"] = {"cookie": cookie}
    if address.get("stable_paths"):
        web["routers"] = {**web["routers"], f"{route}_paths": _apart(route, split, web["routers"][route], address)}
    return {**old, "http": {"services": services, **web}}  # first, so that an editor opens on the weights


def _front(route: str, address: Mapping[str, Any]) -> Document:
    """Router and middleware as configured: for the first file, and for one that was lost."""
    if not address.get("rule"):
        raise NotUnderstood(f"{address['file']} cannot be read, and no rule is at hand to write it anew.")
    router: Document = {"rule": address["rule"], "service": route}
    if address.get("priority"):
        router["priority"] = address["priority"]
    if address.get("entry_points"):
        router["entryPoints"] = list(address["entry_points"])
    if not address.get("retry", True):
        return {"routers": {route: router}}
    router["middlewares"] = [f"{route}-retry"]
    # Once more, where no connection came about (an instance that just died). What a server may have read is
    # not sent again: a test counts the POSTs.
    retry = {"retry": {"attempts": 2, "initialInterval": "5ms"}}
    return {"routers": {route: router}, "middlewares": {f"{route}-retry": retry}}


def _apart(route: str, split: Split, front: Document, address: Mapping[str, Any]) -> Document:
    """The paths that never go to a canary: stable answers them, until the canary has everything."""
    paths = " || ".join(f"PathPrefix(`{path}`)" for path in address["stable_paths"])
    service = route if split.weight == 100 else service_name(route, split.stable)
    priority = (front.get("priority") or len(front["rule"])) + 1
    return {**front, "rule": f"({front['rule']}) && ({paths})", "service": service, "priority": priority}


def services_of(route: str, split: Split, before: Document, health: Document | None) -> Document:
    """Our services, the weights on top, then everybody else's."""
    stable = service_name(route, split.stable)
    weights = [{"name": stable, "weight": 100 - split.weight}]
    balancers = {stable: _balancer(before.get(stable), split.stable, health)}
    if split.canary is not None:
        canary = service_name(route, split.canary)
        weights.append({"name": canary, "weight": split.weight})
        balancers[canary] = _balancer(before.get(canary), split.canary, health)
    weighted = {**before.get(route, {}).get("weighted", {}), "services": weights}
    weighted.pop("healthCheck", None)
    if all("healthCheck" in balancer["loadBalancer"] for balancer in balancers.values()):
        weighted["healthCheck"] = {}  # else a side whose instances are all sick keeps its share, as 503
    others = {n: s for n, s in before.items() if n != route and not n.startswith(f"{route}.")}
    return {route: {"weighted": weighted}, **balancers, **others}


def _balancer(old: Document | None, side: Side, health: Document | None) -> Document:
    servers = [{"url": url} for url in side.urls]
    if old and old.get("loadBalancer", {}).get("servers") == servers:
        return old  # the same instances: what a person set beside them stays
    checked = {"healthCheck": dict(health)} if health else {}
    return {"loadBalancer": {"servers": servers, "passHostHeader": True, **checked}}


def net_of(route: str, stable: Side, document: Document) -> str:
    """
    A second file that catches the route's requests whenever its own file says nothing (emptied, lost, refused).

    Same rule, one step lower in priority, stable alone. Its name has an underscore, which no route has.
    """
    name = f"{route}_stable"
    front: Document = {n: part for n, part in document["http"]["routers"][route].items() if n != "middlewares"}
    priority = max(1, (front.get("priority") or len(front["rule"])) - 1)
    balancer = {"servers": [{"url": url} for url in stable.urls], "passHostHeader": True}
    net = {
        "routers": {name: {**front, "service": name, "priority": priority}},
        "services": {name: {"loadBalancer": balancer}},
    }
    told = f"# The net under {route}.yaml: stable serves whenever that file says nothing. Nothing to edit here.\n"
    return told + json.dumps({"http": net}, indent=2).replace("{{", r"\u007b\u007b") + "\n"


# ---- objecting


def objections(route: str, document: Document) -> list[str]:
    """What Traefik would disable the route for (404 to everybody), and names that could not be read back."""
    web = document["http"]
    services, middlewares = web["services"], web.get("middlewares", {})
    said = [] if ROUTE_NAME.fullmatch(route) else [f"{route!r} is no name for a route (a-z, 0-9, -)"]
    names = [name for name, _ in shares(services[route])]
    if len(set(names)) < len(names):
        said.append(f"stable and canary are both called {names[0].removeprefix(f'{route}.')!r}")
    for name in names:
        side = name.removeprefix(f"{route}.")
        if not SIDE_NAME.fullmatch(side):
            said.append(f"{side!r} is no name for a side (letters, digits, . _ -)")
        urls = [server["url"] for server in services[name]["loadBalancer"]["servers"]]
        said += [f"{url!r} of {side} is no http:// or https:// address" for url in urls if not _is_url(url)]
        said += [] if urls else [f"{side} has no instance"]
    for name, router in web["routers"].items():
        named = [(router.get("service", ""), services)]
        named += [(middleware, middlewares) for middleware in router.get("middlewares") or []]
        said += [
            f"router {name} names {n!r}, which is not there"
            for n, there in named
            if n.removesuffix("@file") not in there and "@" not in n.removesuffix("@file")
        ]
    return said


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def difference(name: str, wanted: Document, shown: Document) -> str:
    """What of a service Traefik's API shows otherwise than we wrote it; "" when it is the same."""
    if shown.get("status") != "enabled":
        return f"Traefik has the service {name!r} {shown.get('status')} {shown.get('error', '')}".rstrip()
    try:
        if "weighted" in wanted:
            same = shares(shown) == shares(wanted)
            return "" if same else f"Traefik still shows {', '.join(f'{n} {w}' for n, w in shares(shown))}"
        addresses = [[s["url"] for s in each["loadBalancer"]["servers"]] for each in (wanted, shown)]
    except UNEXPECTED:
        addresses = [[], ["?"]]
    return "" if addresses[0] == addresses[1] else f"Traefik shows other instances of {name!r} than were written"
