"""`tidegate judge`: stored measurements judged again, a threshold rehearsed, what was learnt shown."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.cli import terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.table import Command

if TYPE_CHECKING:
    from tidegate.judge.replay.measurements import Measurements
    from tidegate.judge.replay.replaying import Replay


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--replay", metavar="FILE", help="JSON lines, CSV, or a Prometheus range dump")
    parser.add_argument("--rehearse", metavar="FILE", help="such a file of good traffic: finds the judge's threshold")
    parser.add_argument(
        "--system", metavar="SYSTEM|FILE", help="whose active plan --rehearse uses (default: the file's)"
    )
    parser.add_argument("--runs", type=int, default=300, help="good releases that --rehearse cuts (default: 300)")
    parser.add_argument("--policy", default="sequential", metavar="POLICY",
                        help="sequential (default), sequential:0.01, argo[:FILE], kayenta[:FILE]")  # fmt: skip
    parser.add_argument("--against", metavar="POLICY", help="a second policy; where they part is told")
    parser.add_argument("--label", default="side=new,stable", metavar="NAME=NEW,STABLE",
                        help="in a Prometheus dump: the label that tells versions apart, and its values")  # fmt: skip
    parser.add_argument("--learnt", metavar="SYSTEM", help="what its good releases have taught the judge")
    parser.add_argument("--forget", action="store_true", help="with --learnt: begin with the defaults again")
    parser.add_argument("--html", metavar="FILE", help="write a page with the curves")


def _judge(arguments: Namespace) -> Exit:
    asked = [arguments.replay, arguments.rehearse, arguments.learnt]
    if sum(one is not None for one in asked) != 1:
        raise UsageError("one of --replay FILE, --rehearse FILE, --learnt SYSTEM", "tidegate help judge")
    if arguments.learnt is not None:
        from tidegate.cli.learning import learnt

        return learnt(arguments)
    return _replay(arguments) if arguments.replay else _rehearse(arguments)


def _rehearse(arguments: Namespace) -> Exit:
    """The threshold at which at most one good release in a hundred is rolled back, on a site's own traffic."""
    from tidegate.judge.replay.measurements import read
    from tidegate.judge.threshold import cut, rehearsed

    if not 20 <= arguments.runs <= 100_000:
        raise UsageError(f"--runs {arguments.runs}", "between 20 and 100000")
    name = arguments.rehearse
    told = read(_text(name), name, _labels(arguments.label))
    meta = dict(told.meta)
    if arguments.system:
        meta["stages"] = _stages(arguments.system)
    stable = [sample["stable"] for sample in told.samples if sample.get("stable")]

    def progress(number: int) -> None:
        if number % 10 == 0:
            terminal.tell(f"{number} of {arguments.runs} good releases rehearsed ...")

    found = rehearsed(meta, cut(meta, stable, arguments.runs), progress=progress)
    if arguments.json:
        terminal.give("judge", {"alpha": found.alpha, "runs": found.runs, "rolled_back": found.rolled_back,
                                "interval": [found.low, found.high]})  # fmt: skip
    else:
        counted = f"rehearsed: {{good: {found.runs}, rolled_back: {found.rolled_back}}}"
        terminal.say(f"comparison: {{alpha: {found.alpha:.3g}, {counted}}}  # {found.told()}")
    return Exit.DONE


def _stages(system: str) -> list[tuple[float, float]]:
    from tidegate.cli.opened import spec_of
    from tidegate.cli.paper import spec_path, text_of

    path = spec_path(system)
    spec = spec_of(text_of(path), str(path))
    return [(step.weight / 100, step.bake.total_seconds()) for step in spec.plans[spec.plan].steps]


def _replay(arguments: Namespace) -> Exit:
    from tidegate.judge.replay.measurements import read
    from tidegate.judge.replay.replaying import differences, policy_of, replay

    name = arguments.replay
    told = read(_text(name), name, _labels(arguments.label))
    policies = [arguments.policy, *([arguments.against] if arguments.against else [])]
    replays = [replay(told, policy, policy_of(policy, _text), name) for policy in policies]
    parted = differences(*replays) if len(replays) == 2 else []
    lines = [*(line for one in replays for line in _lines(one, len(told.samples))), *parted]
    if len(replays) == 2 and not parted:
        lines.append("both say the same at every look")
    if arguments.html:
        _page(told, replays, [*lines, *told.assumed], name, Path(arguments.html))
    if arguments.json:
        terminal.give("judge", _as_json(told, replays, parted))
    else:
        for line in lines:
            terminal.say(line)
        for assumed in told.assumed:
            terminal.tell(f"assumed: {assumed}")
    return Exit.FAILED if replays[0].ended is not None else Exit.DONE


def _text(name: str) -> str:
    try:
        return Path(name).read_text("utf-8")
    except OSError as failed:
        raise UsageError(f"{name}: {failed.strerror}", "name a file that you may read") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} is no text (UTF-8)", "JSON lines, CSV or a Prometheus range dump") from None


def _labels(told: str) -> Any:
    from tidegate.judge.replay.prometheus import Labels

    name, _, values = told.partition("=")
    new, comma, stable = values.partition(",")
    if not (name and new and comma and stable):
        raise UsageError(f"--label {told}: this names no label and two values", "--label version=2.0,1.0")
    return Labels(name, new, stable)


def _lines(one: Replay, looks: int) -> list[str]:
    from tidegate.judge.replay.replaying import clock

    end, last = one.ended, one.points[-1]
    held = f", {one.held} of them held" if one.held else ""
    if end is None:
        return [f"{one.policy}: not rolled back in {looks} looks{held}", *([f"  {last.why}"] if last.why else [])]
    told = [f"{one.policy}: rolled back at {clock(end.t)}, at {end.share * 100:g} %, look {len(one.points)} of {looks}"]
    return [*told, *(f"  {why}" for why in end.why.split("; green") if why)] if end.why else told


def _as_json(told: Measurements, replays: list[Replay], parted: list[str]) -> dict[str, Any]:
    return {
        "looks": len(told.samples), "assumed": list(told.assumed), "differences": parted,
        "policies": [
            {"policy": one.policy, "rolled_back_at": one.ended.t if one.ended else None, "held": one.held,
             "why": one.points[-1].why,
             "changes": [{"t": b.t, "word": b.word} for a, b in zip((None, *one.points), one.points, strict=False)
                         if a is None or a.word != b.word]}
            for one in replays
        ],
    }  # fmt: skip


def _page(told: Measurements, replays: list[Replay], lines: list[str], name: str, path: Path) -> None:
    from tidegate.judge.replay.picture import page

    try:
        path.write_text(page(told, replays, lines, f"{Path(name).name}, judged again"), "utf-8")
    except OSError as failed:
        raise UsageError(f"--html {path}: {failed.strerror}", "name a file that can be written") from None
    terminal.tell(f"page: file://{path.resolve()}")


COMMANDS = {
    "judge": Command(
        examples=(
            (
                "tidegate judge --replay rollout.csv --against argo:metrics.json --html rollout.html",
                "what the judge would have said, and where Argo's rules would differ; with curves",
            ),
            ("tidegate judge --replay range.json --label version=2.0,1.0", "from a dump of Prometheus' query_range"),
        ),
        arguments=_arguments,
        run=_judge,
        more="Exit 1 when the first policy rolls back. --rehearse finds the threshold at which one good release in "
        "a hundred is rolled back. The files' formats: docs/judgement.md.",
    ),
}
