"""The rule by which nobody sees what isn't theirs: whoever reads for people says for whom."""

import ast

from tests.source_tree import MODULES, nothing, tree, where

LIMITED_BEFORE = {
    "outbox.insight.delivery_walk.walk": "walks for a question that is limited already: `Asked` carries `within`",
}
"""Functions that read and need not be told, each with its reason."""


def test_what_reads_for_people_is_told_for_whom() -> None:
    """Each public function of outbox/insight that takes a connection takes `within`, by name and without a default."""
    silent: list[str] = []
    for module, path in MODULES.items():
        if not module.startswith("outbox.insight."):
            continue
        for node in tree(path).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            reads = any(ast.unparse(one.annotation) == "Connection" for one in node.args.args if one.annotation)
            mandatory = {
                one.arg: default for one, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            }
            if reads and mandatory.get("within", "") is not None and f"{module}.{node.name}" not in LIMITED_BEFORE:
                silent.append(f"{where(path, node)}: {node.name}")
    nothing(silent)
