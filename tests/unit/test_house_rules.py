"""The rules of the house that a machine can check. Each test is named as the promise."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def ours(path: Path) -> bool:
    return "node_modules" not in path.parts and not any(part.startswith(".venv") for part in path.parts)


CODE = sorted(
    path for top in ("shared", "services") for path in (ROOT / top).rglob("*.py") if "node_modules" not in str(path)
)
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in str(path))
MAX_LINES = 250


def calls(path: Path, *names: str) -> Iterator[int]:
    """Line numbers where something called `names` (a plain name or an attribute) is called."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if called in names:
                yield node.lineno


def where(paths: list[Path], *names: str, outside: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line}"
        for path in paths
        if str(path.relative_to(ROOT)) not in outside
        for line in calls(path, *names)
    ]


def test_only_one_place_commits() -> None:
    outside = {"shared/db.py", "services/history/migrations/env.py"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        if str(path.relative_to(ROOT)) not in outside
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "begin"}
        and not node.args
    ]
    assert found == []


def test_the_environment_is_read_in_main_only() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        if path.name != "__main__.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert found == []


def test_tests_wait_for_conditions_and_never_sleep() -> None:
    assert where(TESTS, "sleep", outside=("tests/support/eventually.py",)) == []


def test_no_bare_exception_is_raised() -> None:
    raised = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and getattr(node.exc.func, "id", "") in {"Exception", "BaseException"}
    ]
    assert raised == []


@pytest.mark.parametrize("path", CODE + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_thing(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "says in its first line what it is for"


@pytest.mark.parametrize("path", [p for p in CODE if p.name != "__init__.py"], ids=lambda p: str(p.relative_to(ROOT)))
def test_whatever_is_public_says_what_holds_afterwards(path: Path) -> None:
    missing = [
        f"{node.name}:{node.lineno}"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert missing == []


def test_lock_files_name_no_address() -> None:
    for lock in filter(ours, ROOT.rglob("*.lock")):
        assert "://" not in lock.read_text(), lock
    for lock in filter(ours, ROOT.rglob("package-lock.json")):
        assert '"resolved"' not in lock.read_text(), lock
