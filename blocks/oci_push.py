"""
An image put into a registry under a tag that never moves.

The source is a path (an OCI layout, or what `docker save` writes), pushed over HTTP without an engine; else the name of
an image of this machine's Docker engine. A tag that stands at another digest is refused and left alone.
"""

from __future__ import annotations

from pathlib import Path

from blocks.connector import machine_troubles
from blocks.oci_distribution import TAG, Distribution
from blocks.oci_engine import push_from_engine
from blocks.oci_image import DIGEST, image_at
from tidegate.errors import Denied, NotApplied
from tidegate.facts import named

NO_TAG = "is no tag: up to 128 letters, digits, dots, dashes and underscores"


def usable_tag(template: str) -> None:
    """ValueError when no version makes a tag of it, or it names anything but {version}."""
    if other := [name for name in named(template) if name != "version"]:
        raise ValueError(f"{{{other[0]}}} is not known when an image is pushed; {{version}} is filled in")
    if not TAG.fullmatch(template.replace("{version}", "1")):
        raise ValueError(f"{template[:80]!r} {NO_TAG}")


def tag_for(template: str, version: str) -> str:
    """The tag of this version; Denied when it cannot be one."""
    if "{version}" in template and not version:
        raise Denied(f"the tag {template} needs the version, which is not known here")
    tag = template.replace("{version}", version)
    if not TAG.fullmatch(tag):
        raise Denied(f"{tag[:80]!a} {NO_TAG}")
    return tag


def pushed(registry: Distribution, source: str, tag: str) -> str:
    """The digest that stands under the tag now, whoever brought it there; Denied when that is another image."""
    if "\0" in source or not Path(source).exists():
        return push_from_engine(registry, source, tag)
    with machine_troubles(source), image_at(Path(source)) as image:
        wanted = image.manifest.digest
        if found := registry.digest_of(tag):
            if found != wanted:
                raise taken(registry, tag, found, wanted)
            return found
        registry.store(image, image.manifest)
        registry.point(tag, image.manifest)
    return shown(registry, tag, wanted)


def shown(registry: Distribution, tag: str, wanted: str) -> str:
    """What the registry shows under the tag after it was written; another writer may have been faster."""
    found = registry.digest_of(tag)
    if not found:
        raise NotApplied(f"{registry.host} took {registry.repository}:{tag}, but does not show it")
    if found != wanted:
        raise taken(registry, tag, found, wanted)
    return found


def taken(registry: Distribution, tag: str, found: str, wanted: str) -> Denied:
    """The refusal to move a tag."""
    return Denied(
        f"{registry.host}/{registry.repository}:{tag} is {found[:19]}..., not {wanted[:19]}...; it was left alone",
        "A released tag is never moved: release under another version, or find out who pushed it.",
    )


def known_digest(digest: str) -> str:
    """Itself; Denied when it is none, before anybody is asked."""
    if not DIGEST.fullmatch(digest):
        raise Denied(f"{digest[:80]!r} is no digest; one is written sha256: and 64 hexadecimal digits")
    return digest
