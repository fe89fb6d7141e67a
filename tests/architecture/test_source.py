"""What the source looks like: SQL in one place, layers, sizes, one reader of the environment, one writer."""

from __future__ import annotations

import ast
import importlib.metadata
import re
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

DEFERRED_TEXTUAL = {"bossctl.cli.playground": {"bossctl.tui.app", "bossctl.demo"}}
"""The only places below which textual or the playground may come in, and only inside a function."""


def named(module: Module) -> str:
    return module.name


everywhere = pytest.mark.parametrize("module", modules(), ids=named)


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


@everywhere
def test_no_sql_outside_the_sql_module(module: Module) -> None:
    if module.name.startswith("bossctl.sql"):
        pytest.skip("this is the place for SQL")
    found = [f"{module.path}:{line}: {text[:80]}" for line, text in strings(module.tree) if SQL.search(text)]
    assert not found


@everywhere
def test_files_and_functions_are_short(module: Module) -> None:
    assert len(module.text.splitlines()) <= LONGEST_FILE, module.path
    for function in functions(module.tree):
        assert (function.end_lineno or 0) - function.lineno < LONGEST_FUNCTION, f"{module.path}:{function.lineno}"


@everywhere
def test_every_module_has_the_future_import_and_a_docstring(module: Module) -> None:
    assert "from __future__ import annotations" in module.text
    assert ast.get_docstring(module.tree)


@everywhere
def test_nothing_is_ignored(module: Module) -> None:
    assert "type: ignore" not in module.text
    assert "pyright: ignore" not in module.text


@everywhere
def test_returns_are_typed(module: Module) -> None:
    untyped = [f"{module.path}:{one.lineno} {one.name}" for one in functions(module.tree) if one.returns is None]
    assert not untyped


@everywhere
def test_only_config_reads_the_environment(module: Module) -> None:
    if module.name == "bossctl.config" or module.name.startswith("bossctl.demo"):
        pytest.skip("config reads it; the playground hands it to its own processes")
    reading = [node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]
    assert not {"environ", "getenv", "environb"} & {
        node.attr
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
    }, reading


@everywhere
def test_only_the_cli_s_output_writes_to_stdout(module: Module) -> None:
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    writes = [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func).startswith("sys.stdout")
        and "write" in call.func.attr
    ]
    allowed = {"bossctl.cli.talk": "prints on stderr", "bossctl.cli.output": "the writer"}
    if module.name not in allowed and not module.name.startswith("bossctl.demo"):
        assert not prints + writes, module.path


@everywhere
def test_the_tui_and_the_demo_come_in_by_listed_deferred_imports(module: Module) -> None:
    if module.name.startswith(("bossctl.tui", "bossctl.demo")):
        pytest.skip("that is them")
    inside = {node for function in functions(module.tree) for node in ast.walk(function)}
    for line, name, node in imports(module.tree):
        if name.startswith(("textual", "bossctl.tui", "bossctl.demo")):
            assert name in DEFERRED_TEXTUAL.get(module.name, set()), f"{module.path}:{line} imports {name}"
            assert node in inside, f"{module.path}:{line} imports {name} at import time"


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
