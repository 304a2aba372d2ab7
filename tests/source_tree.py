"""The project's own files as syntax trees, for the tests of the house rules."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = sorted([*ROOT.glob("outbox/**/*.py"), *ROOT.glob("outbox_demo/**/*.py"), ROOT / "scheduler.py"])
TESTS = sorted(ROOT.glob("tests/**/*.py"))
BENCHMARKS = sorted(ROOT.glob("benchmarks/**/*.py"))
STATEMENTS = sorted(
    path
    for part in ("queries", "migrations", "audit", "audit/questions", "roles")
    for path in ROOT.glob(f"sql/{part}/*.sql")
)
"""Statements as they run; sql/capture holds templates, whose text becomes the body of installed functions."""


def name_of(path: Path) -> str:
    """The module's dotted name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in PRODUCT}


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def where(path: Path, node: ast.AST) -> str:
    """File and line, for people."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def strings(path: Path) -> Iterator[ast.Constant]:
    """The string constants, docstrings left out."""
    spoken = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken:
            yield node


def nothing(found: Iterable[str]) -> None:
    """Fails with a line for each place that breaks the rule."""
    broken = list(found)
    assert not broken, "\n".join(["", *broken])
