"""Pieces that several pages show: results as icon and word, a gate's standing, names of columns, who somebody is."""

from __future__ import annotations

from tidegate.report.blocks import Badge, Cell, Column, Text
from tidegate.report.telling import MACHINES, Tone, result_word, tone_of, who
from tidegate.report.values import Measured, Standing
from tidegate.report.voice import Voice

_STANDING_TONES = {
    Standing.GOOD: Tone.GOOD, Standing.BAND: Tone.WAIT, Standing.OVER: Tone.BAD, Standing.FEW: Tone.WAIT,
    Standing.NONE: Tone.WAIT,
}  # fmt: skip


def badge(voice: Voice, result: str) -> Badge:
    return Badge(tone_of(result), result_word(voice, result))


def standing(voice: Voice, gate: Measured) -> Badge:
    """A gate's own verdict where one was recorded, else where the reading lies."""
    if gate.verdict is not None:
        return badge(voice, str(gate.verdict))
    return Badge(_STANDING_TONES[gate.standing], voice(f"standing.{gate.standing}"))


_LIGHTS = {"green": Tone.GOOD, "yellow": Tone.WAIT, "red": Tone.BAD, "dark": Tone.WAIT}


def lit(voice: Voice, light: str) -> Cell:
    """A KPI's light, as icon and word; a dash for a figure that has none."""
    return Badge(_LIGHTS[light], voice(f"light.{light}")) if light else "—"


def columns(voice: Voice, *names: str) -> list[Column]:
    """`step`, `asked/n`: the words of the columns, each with its kind."""
    return [Column(voice(f"col.{name.split('/')[0]}"), name.partition("/")[2]) for name in names]


def identity(voice: Voice, name: str, proved: bool) -> Cell:
    """A person with what is known of who they are; a part of Tidegate needs no proof."""
    told = who(voice, name)
    if name in MACHINES:
        return told
    if proved:
        return (told, Text(voice("proved"), small=True))
    return (told, Text(voice("unproved"), flag=True))
