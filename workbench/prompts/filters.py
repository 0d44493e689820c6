"""The filters of templates. Each is bounded, and pays for its work before it does it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import Undefined

from workbench.prompts.budget import MAX_BITS, Scalar, TooMuch, spend, spend_text, spend_value
from workbench.prompts.conditions import TESTS
from workbench.prompts.syntax import COMPARED, JOINED, LITERAL, LOOP

_MISSING: Final = object()


def text_of(value: Any) -> str:
    """Give a text or a number as text; anything else is a mistake in the template."""
    if type(value) is str:
        spend_text(len(value))
        return value
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError(f"a text is needed, not {_kind(value)}")


def _kind(value: Any) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises: a strict undefined has no text
    if value is None:
        return "nothing (none)"
    return "a mapping" if isinstance(value, Mapping) else "a list" if isinstance(value, (list, tuple)) else "this"


def items_of(value: Any) -> list[Any] | tuple[Any, ...]:
    """Give the items of a list, or the keys of a mapping, having paid for the walk over them."""
    if isinstance(value, Mapping):
        value = list(value)
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"a list is needed, not {'a text' if isinstance(value, str) else _kind(value)}")
    spend(1 + len(value))
    return value


def _loop(value: Any, weight: int) -> list[Any] | tuple[Any, ...]:
    items = items_of(value)
    spend(len(items) * weight)
    return items


def _joined(parts: list[Any]) -> str:
    texts = [text_of(part) for part in parts]
    spend_text(sum(map(len, texts)))
    return "".join(texts)


def scalar(value: Any) -> Scalar:
    """Give a value that is no list or mapping, having paid for looking at it."""
    spend_value(value)
    if isinstance(value, (str, int, float, type(None))):
        return value
    raise TypeError(f"a text or number is needed, not {_kind(value)}")


def _part(item: Any, attribute: Any, default: Any = _MISSING) -> Any:
    """Take `a.b` or an index out of an item, mappings and lists only."""
    for key in str(attribute).split(".")[:10]:
        spend(1)
        if isinstance(item, Mapping) and key in item:
            item = item[key]
        elif isinstance(item, (list, tuple)) and key.isdecimal() and len(key) < 9 and int(key) < len(item):
            item = item[int(key)]
        elif default is not _MISSING:
            return default
        else:
            raise LookupError(f"an item has no {str(attribute)[:40]!r}")
    return item


def _replace(value: Any, old: Any, new: Any, count: int = -1) -> str:
    text, before, after = text_of(value), text_of(old), text_of(new)
    times = text.count(before) if count < 0 else min(text.count(before), count)
    spend_text(len(text) + times * len(after))
    return text.replace(before, after, count)


def _trim(value: Any, chars: str | None = None) -> str:
    if chars is not None and len(chars) > 100:
        raise ValueError("trim takes at most 100 characters")
    return text_of(value).strip(chars)


def _indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
    text = text_of(value)
    if not 0 <= width <= 200:
        raise ValueError("indent takes a width of 0 to 200")
    lines = text.split("\n")
    spend_text(len(text) + width * len(lines))
    pad = " " * width
    rest = [pad + line if line or blank else line for line in lines[1:]]
    return "\n".join([(pad if first else "") + lines[0], *rest])


def _truncate(value: Any, length: int = 255, killwords: bool = False, end: str = "...") -> str:
    text, tail = text_of(value), text_of(end)
    if len(text) <= length:
        return text
    kept = text[: max(length - len(tail), 0)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + tail


def _join(value: Any, d: Any = "", attribute: Any = None) -> str:
    texts = [text_of(item if attribute is None else _part(item, attribute)) for item in items_of(value)]
    between = text_of(d)
    spend_text(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        spend(1 + len(value))
        return list(value)
    return list(items_of(value))


def _first(value: Any) -> Any:
    return next(iter(_listed(value)))


def _last(value: Any) -> Any:
    return _listed(value)[-1]


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return len(items_of(value))


def _reverse(value: Any) -> Any:
    return text_of(value)[::-1] if isinstance(value, str) else list(items_of(value))[::-1]


def _sort(value: Any, reverse: bool = False, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    pairs = [(_key(item, attribute, case_sensitive), item) for item in items_of(value)]
    longest = max((len(key) for key, _ in pairs if isinstance(key, str)), default=0)
    spend(len(pairs) * len(pairs).bit_length() * (1 + (longest >> 4)))
    return [item for _, item in sorted(pairs, key=lambda pair: pair[0], reverse=reverse)]


def _unique(value: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    found: dict[Any, Any] = {}
    for item in items_of(value):
        found.setdefault(_key(item, attribute, case_sensitive), item)
    return list(found.values())


def _key(item: Any, attribute: Any, case_sensitive: bool) -> Any:
    key = scalar(item if attribute is None else _part(item, attribute))
    return key.lower() if isinstance(key, str) and not case_sensitive else key


def _map(value: Any, name: str | None = None, *arguments: Any, attribute: Any = None, default: Any = _MISSING) -> Any:
    if attribute is not None:
        return [_part(item, attribute, default) for item in items_of(value)]
    if name not in FILTERS or name.startswith("$"):
        raise LookupError(f"map knows no filter {str(name)[:40]!r}")
    return [FILTERS[name](item, *arguments) for item in items_of(value)]


def _chosen(wanted: bool, by_attribute: bool) -> Callable[..., list[Any]]:
    def choose(value: Any, *arguments: Any) -> list[Any]:
        attribute, rest = (arguments[0], arguments[1:]) if by_attribute else (None, arguments)
        judge = TESTS[rest[0]] if rest else bool
        return [
            item
            for item in items_of(value)
            if bool(judge(_part(item, attribute, None) if by_attribute else item, *rest[1:])) is wanted
        ]

    return choose


def _default(value: Any, default: Any = "", boolean: bool = False) -> Any:
    return default if isinstance(value, Undefined) or (boolean and not value) else value


def _to_json(value: Any, indent: int | None = None) -> str:
    spend_value(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=None if indent is None else min(indent, 8))
    spend_text(len(text))
    return text


def _whole(value: Any, default: int = 0) -> int:
    try:
        number = int(text_of(value)[:100] if isinstance(value, str) else value)
    except (ValueError, TypeError, OverflowError):
        return default
    bounded(number)
    return number


def _decimal(value: Any, default: float = 0.0) -> float:
    try:
        return float(text_of(value)[:100])
    except ValueError:
        return default


def _round(value: Any, precision: int = 0) -> float:
    return round(float(value), max(-15, min(precision, 15)))


def bounded(number: Any) -> Any:
    """Give a number back, unless it is a whole number that has grown out of all bounds."""
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        raise TooMuch("a number grows too large")
    return number


def _words(value: Any) -> int:
    text = text_of(value)
    spend(len(text) >> 3)
    return sum(1 for _ in re.finditer(r"\w+", text))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    LOOP: _loop,
    LITERAL: spend_value,
    COMPARED: spend_value,
    JOINED: _joined,
    "upper": lambda value: text_of(value).upper(),
    "lower": lambda value: text_of(value).lower(),
    "capitalize": lambda value: text_of(value).capitalize(),
    "title": lambda value: text_of(value).title(),
    "trim": _trim,
    "string": text_of,
    "replace": _replace,
    "indent": _indent,
    "truncate": _truncate,
    "wordcount": _words,
    "join": _join,
    "list": _listed,
    "first": _first,
    "last": _last,
    "length": _length,
    "count": _length,
    "reverse": _reverse,
    "sort": _sort,
    "unique": _unique,
    "items": lambda value: list(zip(items_of(value), value.values(), strict=True)),
    "map": _map,
    "select": _chosen(True, False),
    "reject": _chosen(False, False),
    "selectattr": _chosen(True, True),
    "rejectattr": _chosen(False, True),
    "default": _default,
    "d": _default,
    "tojson": _to_json,
    "int": _whole,
    "float": _decimal,
    "round": _round,
    "abs": lambda value: abs(value),
}
