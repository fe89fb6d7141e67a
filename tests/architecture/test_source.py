"""What the source looks like: SQL in one place, layers, sizes, one reader of the environment, one writer."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import bossctl
from tests.architecture.source import Module, functions, imports, modules, strings

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
PROJECT = Path(bossctl.__file__).parent.parent

SQL = re.compile(
    r"\bSELECT\b.+\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\S+\s+SET\b|\bDELETE\s+FROM\b|\bWITH\s+\w+\s+AS\s*\("
    r"|\bCREATE\s+(TABLE|INDEX|FUNCTION|SCHEMA|TYPE)\b|\bDROP\s+(TABLE|INDEX|FUNCTION|SCHEMA)\b|\bALTER\s+TABLE\b"
    r"|\bLOCK\s+TABLE\b|\bSET\s+LOCAL\b|\bBEGIN\s+(READ|ISOLATION|TRANSACTION)\b|\bSAVEPOINT\s+\w|::(text|jsonb|regclass)\b",
    re.S,
)
"""Statements as SQL is written in this project, keywords in capitals, and casts."""

DEFERRED = {("bossctl.cli.terminal", "bossctl.tui.entry"), ("bossctl.cli.playground", "bossctl.demo")}
"""The only places where the TUI and the playground come in, and only inside a function."""


def test_layer_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM job",
        "INSERT INTO x",
        "UPDATE job SET state",
        "SET LOCAL jit",
        "state::text",
        "WITH a AS (",
        "SAVEPOINT a",
    ],
)
def test_the_sql_pattern_knows_sql(text: str) -> None:
    assert SQL.search(text)


def test_no_sql_outside_the_sql_module() -> None:
    outside = [module for module in modules() if not module.name.startswith("bossctl.sql")]
    found = [(module, line, text) for module in outside for line, text in strings(module.tree) if SQL.search(text)]
    assert not [f"{module.path}:{line}: {text[:80]}" for module, line, text in found]


def test_files_and_functions_are_short() -> None:
    assert not [module.path for module in modules() if len(module.text.splitlines()) > LONGEST_FILE]
    lengths = [
        (f"{module.path}:{function.lineno}", (function.end_lineno or 0) - function.lineno + 1)
        for module in modules()
        for function in functions(module.tree)
    ]
    assert not [place for place, length in lengths if length > LONGEST_FUNCTION]
    assert 4 <= statistics.median(length for _, length in lengths) <= 10


def test_every_module_has_the_future_import_and_a_docstring() -> None:
    assert not [one.path for one in modules() if "from __future__ import annotations" not in one.text]
    assert not [one.path for one in modules() if not ast.get_docstring(one.tree)]


def test_nothing_is_ignored() -> None:
    assert not [one.path for one in modules() if re.search(r"type: ignore|pyright: (ignore|basic)", one.text)]


def test_returns_are_typed() -> None:
    every = [(module, function) for module in modules() for function in functions(module.tree)]
    assert not [f"{module.path}:{function.lineno}" for module, function in every if function.returns is None]


def test_only_config_reads_the_environment() -> None:
    """The playground hands the environment to its own processes."""
    others = [one for one in modules() if one.name != "bossctl.config" and not one.name.startswith("bossctl.demo")]
    found = [
        f"{module.path}:{node.lineno}"
        for module in others
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv")
    ]
    assert not found


def writes(module: Module) -> list[str]:
    """Where a module prints or writes to stdout."""
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    told = [(call.lineno, ast.unparse(call.func)) for call in calls]
    return [
        f"{module.path}:{line}" for line, name in told if name == "print" or re.match(r"sys\.stdout\..*write", name)
    ]


def test_only_the_cli_s_output_writes_to_stdout() -> None:
    """`talk` prints on stderr; the playground has stages to tell."""
    allowed = ("bossctl.cli.talk", "bossctl.cli.output", "bossctl.demo")
    assert not [place for module in modules() if not module.name.startswith(allowed) for place in writes(module)]
    assert writes(next(module for module in modules() if module.name == "bossctl.cli.output"))


def test_the_tui_and_the_demo_come_in_by_listed_deferred_imports() -> None:
    apart = ("textual", "bossctl.tui", "bossctl.demo")
    seen = set()
    for module in modules():
        if module.name.startswith(apart):
            continue
        inside = {node for function in functions(module.tree) for node in ast.walk(function)}
        for line, name, node in imports(module.tree):
            if name.startswith(apart):
                assert (module.name, name) in DEFERRED, f"{module.path}:{line} imports {name}"
                assert node in inside, f"{module.path}:{line} imports {name} at import time"
                seen.add((module.name, name))
    assert seen == DEFERRED, "the list is not longer than the truth"


def imported_modules(module: Module) -> set[str]:
    """Modules of bossctl that this one imports; a submodule stands for itself, not for its package."""
    known = {one.name for one in modules()}
    found: set[str] = set()
    for _, name, node in imports(module.tree):
        members = [f"{name}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        submodules = {member for member in members if member in known}
        found |= submodules if len(submodules) == len(members) and members else submodules | {name}
    return (found & known) - {module.name}


def test_no_import_cycle_even_of_types() -> None:
    graph = {module.name: imported_modules(module) for module in modules()}
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> None:
        assert name not in path, " → ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for following in sorted(graph[name]):
            visit(following)
        path.pop()
        done.add(name)

    for name in graph:
        visit(name)
    assert done == set(graph)


def test_one_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", bossctl.__version__)
    assert importlib.metadata.version("bossctl") == bossctl.__version__
