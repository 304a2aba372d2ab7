"""The house style, executable: sizes, names, docstrings, no swallowed exception."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.source_tree import BENCHMARKS, PRODUCT, ROOT, TESTS, nothing, tree, where

EVERY = (*PRODUCT, *TESTS, *BENCHMARKS)
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
LONGEST_TEST_FILE = 400
"""A theme's tests are a list, read one by one: splitting it hides nothing and helps nobody."""

FORBIDDEN_WORDS = {"data", "info", "item", "util", "utils", "common", "helper", "helpers", "manager", "cfg", "evt"}
FORBIDDEN_STARTS = ("process_", "do_", "handle_")
ALLOWED_NAMES = {
    "data": "the configuration page's own words: Data to Receive",
    "DataChoice": "likewise",
    "DataWord": "likewise",
    "add_item": "a contract's items, as the sample application calls them",
    "do_POST": "the name that http.server calls",
    "handle_error": "the name that socketserver calls",
    "handle_endtag": "the name that html.parser calls",
    "handle_starttag": "the name that html.parser calls",
    "handle_data": "likewise",
}


def named(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """Every name that the file gives: its own, classes, functions, arguments, variables."""
    yield tree(path), path.stem
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, node.name
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id


def test_files_and_functions_are_short() -> None:
    """Files stay under 300 lines (tests under 400), functions under 40 beside their signature and docstring."""
    long: list[str] = []
    for path in EVERY:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines >= (LONGEST_TEST_FILE if path in TESTS else LONGEST_FILE):
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                body = node.body[1 if ast.get_docstring(node) else 0 :]
                length = node.end_lineno - body[0].lineno + 1 if body else 0
                if length >= LONGEST_FUNCTION:
                    long.append(f"{where(path, node)}: {node.name}: {length} lines")
    nothing(long)


def test_names_say_what_they_mean() -> None:
    """No name is one of those that fit everything."""
    found = [
        f"{where(path, node)}: {name}"
        for path in EVERY
        for node, name in named(path)
        if name not in ALLOWED_NAMES and (set(words(name)) & FORBIDDEN_WORDS or name.startswith(FORBIDDEN_STARTS))
    ]
    nothing(found)


def words(name: str) -> list[str]:
    """The words of a name, in lower case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def test_what_is_public_says_what_it_is() -> None:
    """Every module, public class and public function has a docstring; so has every test."""
    nothing(
        f"{where(path, node)}: {getattr(node, 'name', path.stem)}"
        for path in EVERY
        for node in (tree(path), *public(tree(path)))
        if not ast.get_docstring(node)
    )


def public(node: ast.AST) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """The public classes and functions in a module or class, those of private or inner ones left out."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
            if not any(ast.unparse(one).endswith(".setter") for one in inner.decorator_list):
                yield inner
            if isinstance(inner, ast.ClassDef):
                yield from public(inner)


def test_no_exception_is_swallowed() -> None:
    """An exception that is expected is named; none disappears because it is any."""
    found: list[str] = []
    for path in EVERY:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler) and all(isinstance(one, ast.Pass) for one in node.body):
                found.append(where(path, node))
            if isinstance(node, ast.Call) and re.search(r"suppress\(.*\b(Base)?Exception\b", ast.unparse(node)):
                found.append(where(path, node))
    nothing(found)
