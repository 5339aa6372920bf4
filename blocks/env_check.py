"""
The variables of an environment, compared with what the spec says of them: there, of the right form, no placeholder.

Which environment: the one that is named, else the check's own, else production. Where its values are looked up: a file,
a platform, or else as a command of the release would be given them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

import httpx
from pydantic import Field, PrivateAttr, model_validator

from blocks.aws_access import AwsAccess
from blocks.connector import Connector, machine_troubles
from blocks.env_check_rules import PLACEHOLDERS, Held, Rules, wrong
from blocks.env_check_secrets import of_aws_secrets
from blocks.env_check_sources import RENDER, VERCEL, event_refused, of_file, of_render, of_vercel, unanswered
from tidegate.errors import Denied, SpecError
from tidegate.language.identity import Environment, Variable
from tidegate.language.limits import AnyLimit
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration
from tidegate.spec import Spec


class EnvCheck(AwsAccess, Connector):
    """The variables of an environment."""

    _block_type_name = "Environment variables"
    _block_type_slug = "env-check"
    _description = "Compares a file's, a platform's or our own variables with what the spec says of them."

    environment: str = Field("", title="Environment", description="Of the spec; by default the check's own.")
    file: Path | None = Field(None, title="File", description="Of NAME=value lines.", examples=[".env.production"])
    platform: Literal["", "vercel", "render"] = Field("", title="Platform", description="Asked instead of a file.")
    project: str = Field("", title="Project", description="Vercel's.")
    target: str = Field("production", title="Target", description="Vercel's: production, preview or development.")
    service: str = Field("", title="Service", description="Render's.")
    token_secret: str = Field("", title="Token", description="Name of our own variable with the platform's token.")
    api_url: str = Field("", title="API", description="Of the platform, where it is another than the usual one.")
    secrets_in: Literal["", "aws-secrets-manager"] = Field(
        "", title="Secrets in", description="Where secrets are kept; such a secret must not stand in the file."
    )
    secrets_at: str = Field(
        "",
        title="Secrets at",
        description="What stands before the secrets' names there, ending with /; else the one secret that holds all.",
        examples=["shop/production/"],
    )
    secrets: list[str] = Field(default_factory=list, title="Secrets", description="Only these, which have to be there.")
    length: AnyLimit | None = Field(None, title="Length", description="Of each of `secrets`, e.g. at least 32B.")
    only: list[str] = Field(default_factory=list, title="Only", description="Of the spec's variables, only these.")
    variables: list[str] = Field(default_factory=list, title="Variables", description="The same as `only`.")
    extra: Literal["allow", "refuse"] = Field("allow", title="Extra", description="What the spec does not name.")
    refuse: list[str] = Field(
        default_factory=lambda: list(PLACEHOLDERS),
        title="Refuse",
        description="Values, as patterns, that are placeholders still.",
    )
    no_secret_in: list[str] = Field(
        default_factory=list,
        title="No secret in",
        description="Names, as patterns, that everybody sees.",
        examples=[["NEXT_PUBLIC_*"]],
    )
    urls_answer: bool = Field(False, title="URLs answer", description="Ask each variable that is a URL.")
    test_event: str = Field(
        "", title="Test event", description="A variable with a DSN of Sentry, which has to take an event of ours."
    )
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="For each question.")
    _environments: dict[str, Environment] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.file and self.platform:
            raise ValueError("a file or a platform, not both")
        needed = {"vercel": self.project, "render": self.service}
        if self.platform and not needed[self.platform]:
            raise ValueError(f"{self.platform} needs a {'project' if self.platform == 'vercel' else 'service'}")
        return self

    def told_of(self, spec: Spec) -> Self:
        if self.environment and self.environment not in spec.environments:
            known = ", ".join(spec.environments) or "none"
            raise SpecError(f"the spec has no environment {self.environment!r}; it has {known}")
        self._environments = dict(spec.environments)
        return self

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL names everything that is wrong, and no secret's value; ERROR when the values cannot be looked up."""
        began = time.monotonic()
        try:
            with machine_troubles("the variables"):
                wanted = self._wanted(facts)
                held = self._held(wanted, facts)
                found = [*wrong(held, wanted, self._rules(wanted, facts)), *self._more(held, wanted, facts)]
        except Denied as why:
            return CheckResult(Verdict.ERROR, f"{why}; nothing was compared")
        seconds = round(time.monotonic() - began, 3)
        figures = {"variables": float(len(wanted)), "wrong": float(len(found))}
        if found:
            return CheckResult(
                Verdict.FAIL, "\n".join([f"in {held.source}:", *found]), seconds=seconds, figures=figures
            )
        told = f"{len(wanted)} variable{'' if len(wanted) == 1 else 's'} in {held.source}, as the spec says"
        return CheckResult(Verdict.PASS, told, seconds=seconds, figures=figures)

    def _wanted(self, facts: Mapping[str, str]) -> list[Variable]:
        name = self.environment or facts.get("environment", "") or "production"
        if name not in self._environments:
            raise Denied(f"the spec has no environment {name}")
        names = [*self.only, *self.variables, *self.secrets]
        known = {one.name: one for one in self._environments[name].variables}
        if unknown := [one for one in names if one not in known]:
            raise Denied(f"environment {name} of the spec has no variable {unknown[0]}")
        chosen = [known[one] for one in names] if names else list(known.values())
        if not self.secrets_in:
            return chosen
        # What is kept elsewhere is no part of the file, and must not be; without a file it alone is meant.
        return [one for one in chosen if one.secret is not bool(self.file)]

    def _held(self, wanted: list[Variable], facts: Mapping[str, str]) -> Held:
        if self.file:
            return of_file(self.file)
        if self.secrets_in:
            return of_aws_secrets(self.access, [one.name for one in wanted], self.secrets_at)
        if self.platform:
            with self._client(self.api_url or {"vercel": VERCEL, "render": RENDER}[self.platform]) as client:
                if self.platform == "vercel":
                    return of_vercel(client, self.project, self.target)
                return of_render(client, self.service)
        told = {one.name: facts.get("weight") if one.follows else one.value for one in wanted}
        values = {name: value if value is not None else os.environ.get(name) for name, value in told.items()}
        return Held("what a command is given", {name: value for name, value in values.items() if value is not None})

    def _rules(self, wanted: list[Variable], facts: Mapping[str, str]) -> Rules:
        lengths = {one.name: float(self.length) for one in wanted} if self.length is not None else {}
        extra = self.extra == "allow" or bool(self.only or self.variables)
        return Rules(self.refuse, extra, self.no_secret_in, facts.get("weight", ""), lengths)

    def _more(self, held: Held, wanted: list[Variable], facts: Mapping[str, str]) -> Iterator[str]:
        """What only the spec as a whole, or the other side of an address, can say."""
        if self.file and self.secrets_in:
            kept = {one.name for place in self._environments.values() for one in place.variables if one.secret}
            yield from (f"{name} is a secret and stands in the file" for name in sorted(kept & held.values.keys()))
            yield from self._kept_elsewhere(facts)
        asked = [one.name for one in wanted if one.kind == "url" and one.name != self.test_event]
        names = asked if self.urls_answer else []
        urls = {name: value for name in names if (value := held.values.get(name)) and value.startswith("http")}
        with self._client("") as client:
            yield from unanswered(client, urls)
            if self.test_event:
                yield from event_refused(client, self.test_event, held.values.get(self.test_event) or "")

    def _kept_elsewhere(self, facts: Mapping[str, str]) -> Iterator[str]:
        """What is wrong with the secrets that the file must not hold: they have to be in the store."""
        place = self._environments[self.environment or facts.get("environment", "") or "production"]
        secrets = [one for one in place.variables if one.secret]
        held = of_aws_secrets(self.access, [one.name for one in secrets], self.secrets_at)
        yield from (f"{said} in {held.source}" for said in wrong(held, secrets, self._rules(secrets, facts)))

    @contextmanager
    def _client(self, base: str) -> Iterator[httpx.Client]:
        token = os.environ.get(self.token_secret, "") if base and self.token_secret else ""
        if base and not token:
            raise Denied(f"{self.token_secret or 'token_secret'} is not set: {self.platform} cannot be asked")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(
            base_url=base, headers=headers, timeout=self.timeout.total_seconds(), trust_env=False
        ) as made:
            yield made
