"""Values that fit a JSON Schema and read well. What cannot be met in general (patterns, `not`) is met where easy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any, Final

from workbench.parse.schemas import MAX_VALUES, matches
from workbench.providers.offline.words import Voice

Schema = Mapping[str, Any]
_DEEPEST: Final = 8  # levels after which only what is required is given
_BOTTOM: Final = 40
_LONGEST: Final = 100_000  # characters of a text, whatever the schema asks for
_TITLES: Final = ("subtopic", "topic", "title", "name", "keyword", "tag", "label", "heading")
_QUESTIONS: Final = ("question", "instruction", "prompt", "query", "problem")
_FORMATS: Final = {
    "date": "2024-05-17",
    "date-time": "2024-05-17T09:30:00Z",
    "time": "09:30:00Z",
    "email": "reader@example.org",
    "uri": "https://example.org/notes",
    "uuid": "0b5e2c1a-6f3d-4d8e-9a70-3c1f2b4a5d6e",
    "ipv4": "192.0.2.1",
    "hostname": "example.org",
}
_SAMPLES: Final = ("a", "A", "1", "abc", "ABC", "A1", "a1", "123", "1.5", "2024-05-17", "09:30", "en", "en-GB", "yes")


class Instances:
    """Makes instances of one root schema with one voice and one die."""

    def __init__(self, root: Schema, voice: Voice, rng: Random, count: int = 3) -> None:
        """Take the root for references; `count` is how long a list is whose length the schema leaves open."""
        self._root, self._voice, self._rng, self._count = root, voice, rng, count
        self._left = MAX_VALUES  # that may still be made or followed: no answer of more is judged

    def value(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """Make a value; `name` is the property that it stands under."""
        self._left -= 1
        if not isinstance(schema, Mapping) or depth > _BOTTOM or self._left < 0:
            return self._voice.sentence()
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][int(self._rng.random() * len(schema["enum"]))]
        for choice in ("anyOf", "oneOf"):
            if schema.get(choice):
                rest = {key: value for key, value in schema.items() if key != choice}
                return self.value(_joined(rest, self._branch(schema[choice])), name, depth + 1)
        return self._by_type(schema, name, depth)

    def _resolved(self, schema: Schema, depth: int = 0) -> Schema:
        """Follow references and join `allOf`."""
        for _ in range(_BOTTOM - depth):
            self._left -= 1
            if self._left < 0:
                break
            if isinstance(ref := schema.get("$ref"), str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = _joined(rest, self._referred(ref))
            elif schema.get("allOf"):
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    rest = _joined(rest, self._resolved(part, depth + 1))
                schema = rest
            else:
                break
        return schema

    def _referred(self, ref: str) -> Schema:
        node: Any = self._root
        for part in ref.lstrip("#/").split("/") if ref.strip("#/") else ():
            part = part.replace("~1", "/").replace("~0", "~")
            node = node.get(part, {}) if isinstance(node, Mapping) else {}
        return node if isinstance(node, Mapping) else {}

    def _branch(self, branches: list[Any]) -> Any:
        real = [item for item in branches if isinstance(item, Mapping) and item.get("type") != "null"]
        return real[0] if real else branches[0]

    def _by_type(self, schema: Schema, name: str, depth: int) -> Any:
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
        return self._string(schema, name)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        names = [*properties, *(name for name in required if name not in properties)]
        if depth > _DEEPEST:
            names = [name for name in names if name in required]
        made = {name: self.value(properties.get(name, {}), name, depth + 1) for name in names}
        extra = schema.get("additionalProperties", True)
        number = 0
        while len(made) < int(schema.get("minProperties", 0)) and extra is not False and self._left > 0:
            number += 1
            made.setdefault(f"note_{number}", self.value(extra, "note", depth + 1))
        return made

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 1000))
        first = [self.value(item, name, depth + 1) for item in (schema.get("prefixItems") or [])[:most]]
        items = schema.get("items", {})
        if items is False:
            return first
        wanted = max(least, min(most, max(self._open_length(name, depth), len(first))))
        count = min(wanted, MAX_VALUES) - len(first)
        if self._are_titles(items, name):
            return first + self._voice.titles(count)
        return self._items(items, name, depth, count, first, bool(schema.get("uniqueItems")))

    def _open_length(self, name: str, depth: int) -> int:
        """Give the length of a list that the schema leaves open; few deep down, where lists of lists multiply."""
        if "connection" in name:
            return 0
        return self._count if depth < 3 else max(0, 3 - depth // 3)

    def _are_titles(self, items: Any, name: str) -> bool:
        if not isinstance(items, Mapping) or set(items) - {"type", "title", "description"}:
            return False
        return _type(items) == "string" and _singular(name) in _TITLES

    def _items(self, items: Any, name: str, depth: int, count: int, made: list[Any], unique: bool) -> list[Any]:
        """Add `count` items; unlike ones where the list must be unique, as far as the die finds them."""
        titles = iter(self._voice.titles(count)) if isinstance(items, Mapping) else iter(())
        wanted, tries = len(made) + count, 0
        while len(made) < wanted and tries < 20 * wanted and self._left > 0:
            tries += 1
            item = self.value(items, _singular(name), depth + 1)
            for key in ("topic", "title", "name"):
                if isinstance(item, dict) and _is_free_text(items, key) and key in item:
                    item[key] = next(titles, item[key])
            if not unique or not any(_same(item, other) for other in made):
                made.append(item)
        return made

    def _integer(self, schema: Schema) -> int:
        low, high = _bounds(schema)
        step = schema.get("multipleOf") or 1
        first = math.ceil(low / step)
        last = math.floor(high / step)
        if "exclusiveMinimum" in schema and first * step <= schema["exclusiveMinimum"]:
            first += 1
        if "exclusiveMaximum" in schema and last * step >= schema["exclusiveMaximum"]:
            last -= 1
        return int(self._rng.randint(first, max(first, last)) * step)

    def _number(self, schema: Schema) -> float:
        low, high = _bounds(schema)
        if schema.get("multipleOf"):
            return float(self._integer(schema))
        value = round(low + (high - low) * (0.25 + self._rng.random() / 2), 2)
        return value if low < value < high else (low + high) / 2

    def _string(self, schema: Schema, name: str) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if "pattern" in schema:
            return _matching(schema)
        least, most = min(int(schema.get("minLength", 0)), _LONGEST), int(schema.get("maxLength", 1_000_000))
        text = self._worded(name, most)
        while len(text) < least:
            text = f"{text} {self._voice.sentence()}"
        return text if len(text) <= most else _shortened(text, least, most)

    def _worded(self, name: str, most: int) -> str:
        word = name.lower()
        if any(word.endswith(ending) for ending in _TITLES) or most < 60:
            return self._voice.titles(1)[0]
        if any(word.endswith(ending) for ending in _QUESTIONS):
            return self._voice.question()
        return self._voice.paragraph(2)


def _joined(left: Schema, right: Any) -> dict[str, Any]:
    """Join two schemas that must both hold; of equal keywords the right one wins, but for objects' own."""
    right = right if isinstance(right, Mapping) else {}
    properties = {**(left.get("properties") or {}), **(right.get("properties") or {})}
    required = [*(left.get("required") or []), *(right.get("required") or [])]
    both = {**left, **right}
    if properties:
        both["properties"] = properties
    if required:
        both["required"] = list(dict.fromkeys(required))
    return both


def _type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "number" if {"minimum", "maximum"} & set(schema) else "string"


def _bounds(schema: Schema) -> tuple[float, float]:
    low = max((schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema), default=None)
    high = min((schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema), default=None)
    if low is None:
        low = 0 if high is None or high > 0 else high - 10
    return low, max(low, low + 10 if high is None else high)


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and left == right


def _singular(name: str) -> str:
    word = name.lower()
    return word[:-1] if word.endswith("s") else word


def _is_free_text(items: Schema, key: str) -> bool:
    schema = (items.get("properties") or {}).get(key)
    if not isinstance(schema, Mapping) or set(schema) - {"type", "title", "description"}:
        return False
    return _type(schema) == "string"


def _matching(schema: Schema) -> str:
    """Find a sample that matches a pattern and the lengths, else give the schema's own example."""
    for sample in (*map(str, schema.get("examples") or ()), *_SAMPLES):
        for text in (sample, sample * 2, sample * 4, sample * 8):
            fits = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 1_000_000)
            if fits and matches(schema["pattern"], text):
                return text
    return _SAMPLES[0]


def _shortened(text: str, least: int, most: int) -> str:
    cut = text[:most].rpartition(" ")[0]
    return cut if len(cut) >= max(least, 1) else text[:most]
