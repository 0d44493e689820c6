"""The tests of templates, as in `{% if topic is defined %}`. Comparisons pay for what they look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Undefined

from workbench.prompts.budget import spend_value


def _compared(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    return lambda left, right: bool(compare(spend_value(left), spend_value(right)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _rest(value: Any, number: Any) -> Any:
    """Divide numbers and give what is left; `%` would fill a text in, to any length that the text asks for."""
    for part in (spend_value(value), spend_value(number)):
        if not isinstance(part, (int, float)):
            raise TypeError("even, odd and divisibleby need numbers")
    return value % number


_EQ: Final = _compared(lambda left, right: left == right)
_NE: Final = _compared(lambda left, right: left != right)
_LT: Final = _compared(lambda left, right: left < right)
_LE: Final = _compared(lambda left, right: left <= right)
_GT: Final = _compared(lambda left, right: left > right)
_GE: Final = _compared(lambda left, right: left >= right)
TESTS: Final[dict[str, Callable[..., bool]]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, float),
    "mapping": lambda value: isinstance(value, Mapping),
    "sequence": lambda value: isinstance(value, (str, list, tuple, Mapping)),
    "iterable": lambda value: isinstance(value, (str, list, tuple, Mapping)),
    "even": lambda value: _rest(value, 2) == 0,
    "odd": lambda value: _rest(value, 2) == 1,
    "divisibleby": lambda value, number: _rest(value, number) == 0,
    "in": lambda value, inside: bool(spend_value(value) in spend_value(inside)),
    **dict.fromkeys(("eq", "==", "equalto"), _EQ),
    **dict.fromkeys(("ne", "!="), _NE),
    **dict.fromkeys(("lt", "<", "lessthan"), _LT),
    **dict.fromkeys(("le", "<="), _LE),
    **dict.fromkeys(("gt", ">", "greaterthan"), _GT),
    **dict.fromkeys(("ge", ">="), _GE),
}
