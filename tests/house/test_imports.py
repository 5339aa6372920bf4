"""The dependency rule where import-linter has no word for it; the layers are contracts in pyproject.toml."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from blocks.built_connectors import is_built
from tests.house.tree import ROOT, STOREYS, imports, module_name, place, python_files, syntax

# The way down has to work when half the installation is broken: these need Python and each other only.
# A router's lowering half belongs to them, with the files of the same product that it imports.
STANDARD_LIBRARY_ONLY = {"tidegate.errors", "tidegate.kernel", "tidegate.traffic", "tidegate.wayback"}
AWS_CLIENTS = ROOT / "blocks" / "aws_clients.py"
BEYOND_THE_STANDARD_LIBRARY = {"tidegate": {"pydantic"}, "tidegate.judge": {"pydantic", "numpy"}}


def _is_cli(module: str) -> bool:
    return module == "tidegate.cli" or module.startswith("tidegate.cli.")


def _is_standard(module: str) -> bool:
    return module.split(".")[0] in sys.stdlib_module_names


def _ours(module: str) -> str:
    """The file of ours behind an import: `from blocks.x import y` is reported as blocks.x.y; else empty."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        file = ROOT.joinpath(*parts[:length])
        if file.with_suffix(".py").exists() or (file / "__init__.py").exists():
            return ".".join(parts[:length])
    return ""


def _product(module: str) -> str:
    """Of a block: blocks.traefik_router is of `traefik`."""
    folder, _, name = module.partition(".")
    return name.split("_")[0] if folder == "blocks" else ""


def test_the_way_down_needs_the_standard_library_only() -> None:
    wrong = set()
    waiting = [ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in STANDARD_LIBRARY_ONLY]
    waiting = [path for path in waiting if path.exists()]
    waiting += [path for path in python_files("blocks") if path.stem.endswith("_lowering")]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        for line, module in imports(path):
            if _is_standard(module) or _ours(module) in STANDARD_LIBRARY_ONLY:
                continue
            if _is_way_to_aws(module_name(path), module):
                waiting += {AWS_CLIENTS} - seen if _ours(module) else set()
                seen.add(AWS_CLIENTS)
                continue
            if (product := _product(module_name(path))) and _product(_ours(module)) in {product, "connector"}:
                half = ROOT.joinpath(*_ours(module).split(".")).with_suffix(".py")
                waiting += {half} - seen
                seen.add(half)
            else:
                wrong.add(f"{place(path, line)} imports {_ours(module) or module}")
    assert not wrong, "\n".join(sorted(wrong))


def _is_way_to_aws(file: str, module: str) -> bool:
    """The ALB's lowering half takes boto3 along, by the one file that makes AWS's clients (docs/decisions/0007)."""
    if file == "blocks.aws_clients":
        return module.split(".")[0] in {"boto3", "botocore"}
    return _product(file) == "alb" and _ours(module) == "blocks.aws_clients"


def test_the_core_imports_the_standard_library_and_pydantic() -> None:
    wrong = {
        f"{place(path, line)} imports {module}"
        for path in python_files("tidegate")
        if not _is_cli(name := module_name(path))
        for line, module in imports(path)
        if not _is_standard(module)
        and module.split(".")[0] not in {"tidegate", *BEYOND_THE_STANDARD_LIBRARY[_half(name)]}
    }
    assert not wrong, "\n".join(sorted(wrong))


def _half(module: str) -> str:
    return "tidegate.judge" if module.startswith("tidegate.judge") else "tidegate"


def test_the_core_opens_no_file_socket_or_clock() -> None:
    closed = {
        "asyncio", "http", "multiprocessing", "requests", "select", "shutil", "socket", "sqlite3", "ssl",
        "subprocess", "tempfile", "threading", "urllib.request",
    }  # fmt: skip
    asked = {"now", "today", "utcnow", "monotonic", "perf_counter", "time_ns", "read_text", "write_text"}
    wrong = []
    for path in python_files("tidegate"):
        if _is_cli(module_name(path)) or path.name == "__main__.py":
            continue
        wrong += [f"{place(path, line)} imports {module}" for line, module in imports(path) if _belongs(module, closed)]
        for node in ast.walk(syntax(path)):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id == "open":
                wrong.append(f"{place(path, node.lineno)} opens a file")
            if (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in asked
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"datetime", "date", "time", "Path"}
            ):
                wrong.append(f"{place(path, node.lineno)} calls {node.func.value.id}.{node.func.attr}()")
    assert not wrong, "\n".join(wrong)


# What several products speak: a cloud's client (docs/decisions/0007), a registry's protocol. Their connectors are
# nobody else's all the same.
SHARED = {"connector", "aws", "oci"}


def _is_shared(module: str) -> bool:
    return _product(module) in SHARED and not is_built(module.partition(".")[2].replace("_", "-"))


def test_a_block_imports_no_block_of_another_product() -> None:
    """Adding a product is adding its files: all share the base class, and `connect` brings them together."""
    wrong = {
        f"{place(path, line)} imports {other}"
        for path in python_files("blocks")
        if path.stem != "connect"
        for line, module in imports(path)
        if (other := _ours(module)).startswith("blocks.")
        and _product(other) != _product(module_name(path))
        and not _is_shared(other)
    }
    assert not wrong, "\n".join(sorted(wrong))


def test_nobody_imports_the_command_line() -> None:
    wrong = [
        f"{place(path, line)} imports {module}"
        for path in python_files(*STOREYS)
        if not _is_cli(module_name(path))
        for line, module in imports(path)
        if _is_cli(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_packages_of_blocks_flows_tasks_and_deployments_are_empty() -> None:
    wrong = [
        place(found)
        for folder in STOREYS[1:]
        if (found := ROOT / folder / "__init__.py").exists() and found.read_text(encoding="utf-8").strip()
    ]
    assert not wrong, f"importing the folder must cost nothing: {wrong}"


def test_only_the_kernel_makes_a_change_of_traffic() -> None:
    wrong = [
        f"{place(path, node.lineno)} makes a Change: every weight passes the kernel"
        for path in python_files(*STOREYS)
        if module_name(path) not in {"tidegate.kernel", "tidegate.traffic"}
        for node in ast.walk(syntax(path))
        if isinstance(node, ast.Call) and _called(node) == "Change"
    ]
    assert not wrong, "\n".join(wrong)


def test_the_kernel_stays_under_three_hundred_lines() -> None:
    kernel = ROOT / "tidegate" / "kernel.py"
    lines = len(kernel.read_text(encoding="utf-8").splitlines()) if kernel.exists() else 0
    assert lines < 300


def test_top_of_the_command_line_is_light() -> None:
    """`--help` and rollback start at once: what they load at the top is the standard library and us, nothing else."""
    wrong = [
        f"{place(path, line)} imports {module} at its top"
        for path in _command_line()
        for node in syntax(path).body
        for line, module in _imports_of(node)
        if not _is_standard(module) and module.split(".")[0] != "tidegate"
    ]
    assert not wrong, "\n".join(wrong)


def _command_line() -> list[Path]:
    """The files of the command line that are loaded whatever is typed, and rollback's: the rest loads when it runs."""
    files = {module_name(path): path for path in python_files("tidegate") if _is_cli(module_name(path))}
    loaded, waiting = set[str](), ["tidegate.cli", "tidegate.cli.rollback"]
    while waiting:
        name = waiting.pop()
        if name in files and name not in loaded:
            loaded.add(name)
            for node in syntax(files[name]).body:
                waiting += [part for _, module in _imports_of(node) for part in (module, *_members(node, module))]
    return [files[name] for name in sorted(loaded)]


def _members(node: ast.stmt, module: str) -> list[str]:
    return [f"{module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def _imports_of(node: ast.stmt) -> list[tuple[int, str]]:
    if isinstance(node, ast.Import):
        return [(node.lineno, alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [(node.lineno, node.module)]
    return []


def _belongs(module: str, closed: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in closed)


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
