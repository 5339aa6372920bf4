"""
An image of this machine's Docker engine, tagged and pushed by the engine.

The engine reports a failed push in its progress and raises nothing, so that is read to its end. Which digest an image
gets is known only after it was pushed; before, it is recognised by its configuration, the engine's image ID.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound

from blocks.oci_distribution import Distribution
from tidegate.errors import Denied, NotApplied, NotUnderstood, Unreachable

SECONDS = 600  # for one silence of the engine while it pushes


def push_from_engine(registry: Distribution, source: str, tag: str) -> str:
    """Tag and push it, and believe the registry alone; what is there already is not pushed again."""
    with _engine(source) as engine:
        image = str(engine.inspect_image(source)["Id"])
        if found := registry.digest_of(tag):
            if registry.config_of(found) != image:
                raise Denied(
                    f"{registry.host}/{registry.repository}:{tag} is {found[:19]}..., another image than {source}; "
                    "it was left alone",
                    "A released tag is never moved: release under another version, or find out who pushed it.",
                )
            return found
        name = f"{registry.host}/{registry.repository}"
        engine.tag(image, name, tag)
        pair = registry.login.pair
        auth = {"username": pair[0], "password": pair[1]} if pair else {}
        for told in engine.push(name, tag=tag, auth_config=auth, stream=True, decode=True):
            if error := str(told.get("error", "")):
                raise _refused(registry, error)
        found = registry.digest_of(tag)
        if not found:
            raise NotApplied(f"{registry.host} does not show {registry.repository}:{tag} after the push")
        if registry.config_of(found) != image:
            raise Denied(f"{registry.host}/{registry.repository}:{tag} became another image while ours was pushed")
        return found


def _refused(registry: Distribution, error: str) -> Exception:
    """The engine's own words; what a network or a busy registry did may be asked again."""
    said = "".join(c for c in error if c.isprintable())[:300]
    refused = any(word in said.lower() for word in ("denied", "unauthorized", "immutable", "no basic auth"))
    return (Denied if refused else Unreachable)(f"the push to {registry.host}/{registry.repository} ended: {said}")


@contextmanager
def _engine(source: str) -> Iterator[docker.APIClient]:
    try:
        client = docker.from_env(timeout=SECONDS).api
    except DockerException:
        raise Denied(
            f"there is no file {source}, and no Docker engine here that could know an image of this name",
            "Give the path of an image (`docker save`, an OCI layout), or start the engine.",
        ) from None
    try:
        yield client
    except ImageNotFound:
        raise Denied(f"there is no file {source}, and the Docker engine knows no image of this name") from None
    except APIError as why:
        said = "".join(c for c in str(why.explanation or why) if c.isprintable())[:300]
        raise (Unreachable if why.is_server_error() else Denied)(f"the Docker engine: {said}") from None
    except requests.RequestException as why:
        raise Unreachable(f"the Docker engine: {type(why).__name__}") from None
    except KeyError as why:
        raise NotUnderstood(f"the Docker engine says nothing of {why}") from None
    finally:
        client.close()
