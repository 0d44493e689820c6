"""The environment in which templates are compiled and run: Jinja2's immutable sandbox, and far less besides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workbench.prompts.budget import MAX_OUTPUT, MAX_SOURCE, Budget, TooMuch, current, spend_text
from workbench.prompts.conditions import TESTS
from workbench.prompts.filters import FILTERS, bounded, scalar
from workbench.prompts.syntax import Forbidden, ShortSource, inspect, metered

_LOOP_FACTS: Final = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem", "nextitem"}
)
_SPLIT: Final = "shorten or split the template"


class _Sandbox(ImmutableSandboxedEnvironment):
    """Looks into mappings, lists and `loop` only; no object has attributes or methods here."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give a mapping's value, or a fact about the loop."""
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP_FACTS:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            str(obj)  # raises: a strict undefined has no text
        return self.undefined(f"there is no {attribute[:40]!r} here")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Give an item by key or number, or a part of a list or text."""
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, (list, tuple, str)) and isinstance(argument, (int, slice)):
            if isinstance(argument, slice):
                spend_text(len(obj))
            try:
                return obj[argument]
            except IndexError:
                return self.undefined(f"there is no item {argument}")
        if isinstance(obj, Mapping) and isinstance(argument, (int, float)) and argument in obj:
            return obj[argument]
        return self.undefined("there is no such item")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Reckon with numbers; `+` joins texts too."""
        if isinstance(left, str) and isinstance(right, str) and operator == "+":
            spend_text(len(left) + len(right))
            return left + right
        for value in (left, right):
            if not isinstance(scalar(value), (int, float)):
                raise TypeError(f"{operator} needs numbers")
        return bounded(self.binop_table[operator](left, right))


def _printed(value: Any) -> str | int | float:
    """Let texts and numbers into a prompt, nothing else."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Undefined):
        return str(value)  # raises: a strict undefined has no text
    if value is None:
        raise TypeError("nothing (none) would be written; give it a text with |default('…', true)")
    raise TypeError("a list or mapping would be written; use |join, |tojson or a for loop")


@cache
def _environment() -> _Sandbox:
    found = _Sandbox(
        undefined=StrictUndefined, finalize=_printed, optimized=False, cache_size=0, extensions=[ShortSource]
    )
    found.globals.clear()
    found.filters.clear()
    found.tests.clear()
    found.filters.update(FILTERS)
    found.tests.update(TESTS)
    return found


class Fault(Exception):
    """A template cannot be compiled or rendered: its line, what is wrong, what to do."""

    def __init__(self, line: int, detail: str, mend: str) -> None:
        """Keep line, words and remedy apart."""
        super().__init__(detail)
        self.line, self.detail, self.mend = line, detail, mend


@lru_cache(maxsize=512)
def prepared(source: str) -> Template:
    """Compile a template's text, once; raises Fault."""
    environment = _environment()
    try:
        code = environment.compile(metered(parsed(source)), name=None, filename="<template>")
        return Template.from_code(environment, code, {}, None)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TemplateError) as error:
        raise _unfit(error) from None


def parsed(source: str) -> nodes.Template:
    """Read a template's text into an inspected syntax tree; raises Fault."""
    if len(source) > MAX_SOURCE or len(source.encode("utf-8", "replace")) > MAX_SOURCE:
        raise Fault(1, f"the template is longer than {MAX_SOURCE:,} bytes", _SPLIT)
    try:
        tree = _environment().parse(source)
        inspect(tree, FILTERS, TESTS)
    except Forbidden as error:
        raise Fault(error.line, error.detail, error.mend) from None
    except (ValueError, RecursionError, MemoryError, TemplateError) as error:
        raise _unfit(error) from None
    return tree


def _unfit(error: Exception) -> Fault:
    if isinstance(error, RecursionError | MemoryError):
        return Fault(1, "the template is nested too deeply", "flatten it")
    line = getattr(error, "lineno", None) or 1
    mend = "mend the Jinja2 syntax, or wrap the text in {% raw %} … {% endraw %}"
    return Fault(int(line), str(getattr(error, "message", None) or error)[:200], mend)


def names_used(source: str) -> set[str]:
    """Give the names of the variables that a template reads; raises Fault."""
    return find_undeclared_variables(parsed(source))


def run(template: Template, variables: Mapping[str, Any]) -> str:
    """Render within the budget; raises Fault."""
    token = current.set(Budget())
    try:
        return _written(template, variables)
    except Exception as error:  # a template is a stranger's program: whatever it breaks is its own fault
        raise _broken(template, error) from None
    finally:
        current.reset(token)


def _written(template: Template, variables: Mapping[str, Any]) -> str:
    pieces: list[str] = []
    size = 0
    for piece in template.root_render_func(template.new_context(dict(variables))):
        size += len(piece)
        if size > MAX_OUTPUT:
            raise TooMuch(f"the prompt grows beyond {MAX_OUTPUT:,} characters")
        pieces.append(piece)
    return "".join(pieces)


def _broken(template: Template, error: Exception) -> Fault:
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    if isinstance(error, TooMuch):
        return Fault(line, str(error), "write a smaller template, or give it less")
    if isinstance(error, RecursionError):
        return Fault(line, "a value is nested too deeply", "flatten it")
    return Fault(line, str(error)[:200] or type(error).__name__, "use what the stage offers")
