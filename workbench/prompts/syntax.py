"""What a template may say: an allow-list over its syntax tree, and the meters that are put into it.

Loops, literals, comparisons and joined texts get a meter (a filter whose name no template can write), so that
every cost is counted before it arises.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.visitor import NodeTransformer

from workbench.prompts.budget import MAX_BITS

MAX_TOKENS: Final = 20_000
MAX_NODES: Final = 10_000
MAX_DEPTH: Final = 60
MAX_LOOPS: Final = 10  # loops within loops
LOOP, LITERAL, COMPARED, JOINED = "$loop", "$literal", "$compared", "$joined"
# fmt: off
_ALLOWED: Final[frozenset[type[nodes.Node]]] = frozenset(
    {
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign,
        nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict,
        nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter,
        nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice,
        nodes.Concat, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
        nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    }
)
# fmt: on
_SPECIAL: Final = frozenset({"self", "super", "caller", "varargs", "kwargs"})
_MEND: Final = {
    "Call": "write a filter or a variable; `loop.first`, `loop.last` and `loop.index` work",
    "Pow": "write the number out",
    "AssignBlock": "write {% set name = … %} with an expression",
    "NSRef": "set plain names",
    "Include": "put the text into the template",
    "Import": "put the text into the template",
    "FromImport": "put the text into the template",
    "Extends": "put the text into the template",
}


class Forbidden(Exception):
    """A template says what no template may: the line, and what to do."""

    def __init__(self, line: int, detail: str, mend: str) -> None:
        """Keep line, words and remedy apart."""
        super().__init__(detail)
        self.line, self.detail, self.mend = line, detail, mend


def inspect(tree: nodes.Template, filters: Collection[str], tests: Collection[str]) -> None:
    """Refuse what is not on the allow-list; raises Forbidden with the line."""
    for count, (node, line, depth, loops) in enumerate(_walk(tree)):
        if type(node) not in _ALLOWED:
            kind = type(node).__name__
            raise Forbidden(line, f"{_said(kind)} not allowed", _MEND.get(kind, "use for, if, set and filters"))
        if count > MAX_NODES:
            raise Forbidden(line, f"more than {MAX_NODES:,} parts", "split the template")
        if depth > MAX_DEPTH or loops > MAX_LOOPS:
            raise Forbidden(line, "the template is nested too deeply", "flatten it")
        _check_names(node, line)
        if isinstance(node, (nodes.Filter, nodes.Test)):
            _check_call(node, line, filters if isinstance(node, nodes.Filter) else tests)


def _said(kind: str) -> str:
    words = {"Call": "calling is", "Pow": "** is", "AssignBlock": "a set block is", "CallBlock": "a call block is"}
    return words.get(kind, f"{kind} is")


def _walk(tree: nodes.Template) -> Iterator[tuple[nodes.Node, int, int, int]]:
    """Yield every node with its line, its depth and the loops around it, without recursion."""
    left: list[tuple[nodes.Node, int, int, int]] = [(tree, 1, 0, 0)]
    while left:
        node, above, depth, loops = left.pop()
        line = node.lineno or above  # jinja2 gives some nodes no line
        yield node, line, depth, loops
        inner = loops + isinstance(node, nodes.For)
        left.extend((child, line, depth + 1, inner) for child in node.iter_child_nodes())


def _check_names(node: nodes.Node, line: int) -> None:
    if isinstance(node, nodes.For) and node.recursive:
        raise Forbidden(line, "a recursive loop is not allowed", "write the loops out")
    if isinstance(node, nodes.Const) and isinstance(node.value, int) and node.value.bit_length() > MAX_BITS:
        raise Forbidden(line, "a number is too large", "write a smaller one")
    for name in _names_of(node):
        if name.startswith("_") or name in _SPECIAL or unicodedata.normalize("NFKC", name) != name:
            raise Forbidden(line, f"the name {name[:40]!r} is not allowed", "use the stage's variables")


def _names_of(node: nodes.Node) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        return (node.attr,)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        return (node.arg.value,)
    return ()


def _check_call(node: nodes.Filter | nodes.Test, line: int, known: Collection[str]) -> None:
    kind = "filter" if isinstance(node, nodes.Filter) else "test"
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise Forbidden(line, "* and ** arguments are not allowed", "write the arguments out")
    if node.name not in known or node.name.startswith("$"):
        names = ", ".join(sorted(name for name in known if name.isidentifier()))
        raise Forbidden(line, f"there is no {kind} {node.name[:40]!r}", f"use {names}")


class ShortSource(Extension):
    """Ends the reading of a template that has too many words in its tags."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Let a bounded number of tokens through."""
        for count, token in enumerate(stream):
            if count > MAX_TOKENS:
                raise Forbidden(token.lineno, f"more than {MAX_TOKENS:,} words in tags", "split the template")
            yield token


class _Meters(NodeTransformer):
    """Puts the meters in; an inspected tree is shallow enough for recursion."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        weight = sum(1 for part in (*node.body, *([node.test] if node.test else [])) for _ in _walk_any(part))
        self.generic_visit(node)
        iterated: Any = node.iter  # an expression, which jinja2 declares as any node
        node.iter = _metered(iterated, LOOP, nodes.Const(weight, lineno=node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _metered(nodes.List(node.nodes, lineno=node.lineno), JOINED)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _metered(node.expr, COMPARED)
        for operand in node.ops:
            operand.expr = _metered(operand.expr, COMPARED)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        self.generic_visit(node)
        return _metered(node, LITERAL)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        return _metered(node, LITERAL)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return node if node.ctx == "store" else _metered(node, LITERAL)


def _walk_any(node: nodes.Node) -> Iterator[Any]:
    left = [node]
    while left:
        item = left.pop()
        yield item
        left.extend(item.iter_child_nodes())


def _metered(node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)


def metered(tree: nodes.Template) -> nodes.Template:
    """Put the meters into an inspected tree."""
    _Meters().visit(tree)
    return tree
