"""`tidegate completion`: scripts for bash, zsh and fish, made from the commands' own parsers."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import suppress

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.table import LISTED, Command, parser_of

SHELLS = ("bash", "zsh", "fish")


def _systems() -> list[str]:
    return here.systems()


def _ways() -> list[str]:
    """Systems that can go back from here."""
    return sorted(path.stem for path in (here.home() / "wayback").glob("[!.]*.json"))


def _versions() -> list[str]:
    """Versions that are built here."""
    return sorted(path.name for path in (here.home() / "artifacts").glob("[!.]*") if path.is_dir())


def _releases() -> list[str]:
    """Release ids and systems; the systems alone while the ledger cannot be read."""
    found = list[str]()
    with suppress(Exception):
        from tidegate.cli.opened import Opened

        found = [row.id for row in Opened.here().ledger.releases()]
    return [*here.systems(), *found]


WORDS: dict[str, Callable[[], list[str]]] = {
    "systems": _systems,
    "ways": _ways,
    "versions": lambda: [*_systems(), *_versions()],
    "releases": _releases,
}
TAKES = {  # command -> which words its first arguments are
    "check": "systems", "plan": "systems", "freeze": "systems", "push": "systems", "release": "versions",
    "rollback": "ways", "status": "releases", "approve": "releases", "reject": "releases", "park": "releases",
    "report": "releases", "audit": "releases",
}  # fmt: skip

BASH = """# bash completion for tidegate; in ~/.bashrc: source <(tidegate completion bash)
_tidegate() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    elif [[ "$word" == -* ]]; then
        case "${{COMP_WORDS[1]}}" in
{options}
        esac
    else
        case "${{COMP_WORDS[1]}}" in
{names}
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _tidegate tidegate
"""

ZSH = """#compdef tidegate
# zsh completion for tidegate; in ~/.zshrc, after compinit: source <(tidegate completion zsh)
_tidegate() {{
    local -a commands
    commands=(
{described}
    )
    if (( CURRENT == 2 )); then
        _describe 'command' commands
        return
    fi
    if [[ "$PREFIX" == -* ]]; then
        case "$words[2]" in
{options}
        esac
    else
        case "$words[2]" in
{names}
        esac
    fi
}}
compdef _tidegate tidegate
"""


def script(shell: str) -> str:
    """The completion script of a shell."""
    options = {name: parser_of(listed).options() for name, listed in LISTED.items()}
    if shell == "fish":
        return _fish(options)
    if shell == "zsh":
        described = "\n".join(f"        '{name}:{_quiet(listed.line)}'" for name, listed in LISTED.items())
        cases = "\n".join(f"            {name}) compadd -- {' '.join(found)} ;;" for name, found in options.items())
        names = "\n".join(
            f'            {name}) compadd -- ${{(f)"$(tidegate completion --words {kind} 2>/dev/null)"}} ;;'
            for name, kind in TAKES.items()
        )
        return ZSH.format(described=described, options=cases, names=names)
    cases = "\n".join(f'            {name}) words="{" ".join(found)}" ;;' for name, found in options.items())
    names = "\n".join(
        f'            {name}) words="$(tidegate completion --words {kind} 2>/dev/null)" ;;'
        for name, kind in TAKES.items()
    )
    names += f'\n            completion) words="{" ".join(SHELLS)}" ;;'
    return BASH.format(commands=" ".join(LISTED), options=cases, names=names)


def _fish(options: dict[str, list[str]]) -> str:
    lines = ["# fish completion for tidegate; tidegate completion fish > ~/.config/fish/completions/tidegate.fish"]
    lines.append("complete -c tidegate -f")
    for name, listed in LISTED.items():
        lines.append(f"complete -c tidegate -n __fish_use_subcommand -a {name} -d '{_quiet(listed.line)}'")
        seen = f"-n '__fish_seen_subcommand_from {name}'"
        lines += [f"complete -c tidegate {seen} -l {option.removeprefix('--')}" for option in options[name]]
        if name in TAKES:
            lines.append(f"complete -c tidegate {seen} -a '(tidegate completion --words {TAKES[name]} 2>/dev/null)'")
    return "\n".join(lines) + "\n"


def _quiet(text: str) -> str:
    """For a single-quoted word of a shell."""
    return text.replace("'", "").replace("`", "").replace(":", ",")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", nargs="?", choices=SHELLS, help="which shell")
    parser.add_argument("--words", choices=tuple(WORDS), help="names that are known here, one a line (for the scripts)")


def _run(arguments: Namespace) -> Exit:
    if arguments.words is not None:
        terminal.say("\n".join(WORDS[arguments.words]()))
        return Exit.DONE
    if arguments.shell is None:
        here.unknown("shell", "", list(SHELLS), "tidegate completion bash, zsh or fish")
    terminal.say(script(arguments.shell).rstrip("\n"))
    return Exit.DONE


COMMANDS = {
    "completion": Command(
        examples=(
            ("source <(tidegate completion bash)", "in ~/.bashrc; for zsh the same with zsh, in ~/.zshrc"),
            ("tidegate completion fish > ~/.config/fish/completions/tidegate.fish", "for fish"),
        ),
        arguments=_arguments,
        run=_run,
        more="Systems, releases and versions are completed from what is here.",
    )
}
