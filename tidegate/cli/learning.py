"""`tidegate judge --learnt`: what a system's good releases have taught the comparison; `--forget` resets it."""

from __future__ import annotations

import math
from argparse import Namespace

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.rollback import user
from tidegate.judge.profile import Profile

# What releases teach (comparing.Judge.learnt): as people say it, and its unit
TAUGHT = {
    "hiccups": ("hiccups of one version", "an hour"),
    "bursts": ("bursts of failures on one version", "an hour"),
    "outages": ("outages that both share", "an hour"),
}


def learnt(arguments: Namespace) -> Exit:
    """Show it, or forget it; nothing is an answer, too."""
    from tidegate import site
    from tidegate.cli.opened import Opened

    system, opened = here.the_system(arguments.learnt), Opened.here()
    if arguments.forget:
        taught = site.forget(opened.ledger, system, user())
        said = f"forgotten; the next release of {system} begins with the defaults" if taught else "there was nothing"
        if arguments.json:
            terminal.give("judge", {"system": system, "forgotten": bool(taught)})
        else:
            terminal.say(said)
        return Exit.DONE
    found = site.known_of(opened.ledger, system)
    if arguments.json:
        terminal.give("judge", {"system": system, "taught_by": found.release, "profiles": found.profiles})
        return Exit.DONE
    if not found.profiles:
        terminal.say(f"no good release has taught anything of {system} yet: the defaults hold (docs/judgement.md)")
        return Exit.DONE
    terminal.say(f"{system}: what its good releases have taught, last {found.release}")
    for component, told in found.profiles.items():
        for line in lines(Profile.of(told)):
            terminal.say(f"  {component}: {line}")
    terminal.say(f"forget it: tidegate judge --learnt {system} --forget")
    return Exit.DONE


def lines(profile: Profile) -> list[str]:
    """Each quantity that is learnt, beside what it is where nothing is known."""
    usual = Profile()
    wander, before = profile.wander * math.sqrt(profile.kappa), usual.wander * math.sqrt(usual.kappa)
    told = [f"latency of two good versions drifts apart by {wander * 100:.1f} % (unknown: {before * 100:.1f} %)"]
    for name, (says, unit) in TAUGHT.items():
        told.append(f"{says}: {getattr(profile, name):.2f} {unit} (unknown: {getattr(usual, name):.2f})")
    return told
