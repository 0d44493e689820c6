"""Answers that must fit a JSON Schema (draft 2020-12), in bounded time whatever schema and answer say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, Final

from workbench.errors import BadTemplate
from workbench.ids import canonical_json
from workbench.parse.extract import found_json
from workbench.parse.outcome import Options, Parsed, Unreadable, shown

MAX_VALUES: Final = 50_000  # in one answer
MAX_FOLLOWED: Final = 20_000  # references followed while judging one answer
MAX_SCHEMA: Final = 262_144  # characters of a schema's canonical JSON
_REFUSED: Final = ("patternProperties", "$dynamicRef", "$recursiveRef", "$id")
_followed: ContextVar[list[int]] = ContextVar("_followed")


def json_by_schema(raw: str, options: Options) -> Parsed:
    """Read JSON, hold it against the template's schema if it has one, and give it in canonical form."""
    value = found_json(raw)
    if options.schema is not None and (wrong := mismatch(value, options.schema)):
        raise Unreadable("schema_mismatch", wrong)
    return Parsed(canonical_json(value), "ok")


def mismatch(value: Any, schema: Mapping[str, object]) -> str:
    """Say in one line where a JSON value departs from a schema, or nothing. Raises BadTemplate."""
    if _count(value) > MAX_VALUES:
        return f"the JSON holds more than {MAX_VALUES:,} values"
    validator = _validator(canonical_json(schema))
    token = _followed.set([0])
    try:
        wrong = next(validator.iter_errors(value), None)
    except (RecursionError, ArithmeticError, Unreadable) as error:
        return f"it could not be judged: {error or 'nested too deeply'}"
    finally:
        _followed.reset(token)
    return "" if wrong is None else f"{wrong.json_path}: {shown(wrong.message, 160)}"


def check_schema(schema: Mapping[str, object], where: str = "") -> None:
    """Raise BadTemplate where a schema is no JSON Schema, or uses what cannot be judged in bounded time."""
    try:
        _validator(canonical_json(schema))
    except BadTemplate as error:
        raise BadTemplate(error.detail, where=where, mend=error.mend) from None


def _count(value: Any) -> int:
    found, left = 0, [value]
    while left and found <= MAX_VALUES:
        item = left.pop()
        found += 1
        if isinstance(item, dict):
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
    return found


@lru_cache(maxsize=64)
def _validator(canonical: str) -> Any:
    """Compile a schema that is given as canonical JSON, which makes it a key of the cache."""
    import json

    from jsonschema.exceptions import SchemaError
    from referencing import Registry

    if len(canonical) > MAX_SCHEMA:
        raise _bad(f"the schema is longer than {MAX_SCHEMA:,} characters")
    schema = json.loads(canonical)
    try:
        _bounded_kind().check_schema(schema)
    except SchemaError as error:
        raise _bad(f"the schema is wrong at {error.json_path}: {shown(error.message, 120)}") from None
    except RecursionError:
        raise _bad("the schema is nested too deeply") from None
    _walk(schema, set(_anchors(schema)))
    return _bounded_kind()(schema, registry=Registry())


def _bad(detail: str) -> BadTemplate:
    return BadTemplate(detail, mend="mend the template's schema (JSON Schema, draft 2020-12)")


def _anchors(schema: Any) -> Iterator[str]:
    """Yield every JSON pointer that stands in the schema, as a local reference names it."""
    left: list[tuple[str, Any]] = [("#", schema)]
    while left:
        pointer, item = left.pop()
        yield pointer
        children = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        left.extend((f"{pointer}/{str(k).replace('~', '~0').replace('/', '~1')}", v) for k, v in children)


def _walk(schema: Any, known: set[str]) -> None:
    left = [schema]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            _check_keywords(item, known)
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)


def _check_keywords(item: Mapping[str, Any], known: set[str]) -> None:
    for word in _REFUSED:
        if isinstance(item.get(word), (str, dict)):
            raise _bad(f"{word} is not supported")
    target = item.get("$ref")
    if isinstance(target, str) and target not in known:
        raise _bad(f"$ref {shown(target)} is not a place in this schema")
    if isinstance(pattern := item.get("pattern"), str):
        _expression(pattern)


@cache
def _bounded_kind() -> Any:
    """Make the validator class; the import takes 80 ms and waits for the first schema."""
    from jsonschema import Draft202012Validator, validators

    follow = Draft202012Validator.VALIDATORS["$ref"]

    def counted(validator: Any, reference: str, value: Any, schema: Any) -> Iterator[Any]:
        steps = _followed.get()
        steps[0] += 1
        if steps[0] > MAX_FOLLOWED:
            raise Unreadable("schema_mismatch", f"more than {MAX_FOLLOWED:,} references to follow")
        yield from follow(validator, reference, value, schema) or ()

    rules: dict[str, Any] = {"$ref": counted, "pattern": _pattern, "uniqueItems": _unique_items}
    return validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, rules
    )


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"{shown(value)} does not match {shown(pattern)}")


def matches(pattern: str, text: str) -> bool:
    """Say in linear time whether a schema's pattern is found in a text; raises BadTemplate for one that is none."""
    from pydantic_core import ValidationError

    try:
        _expression(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=256)
def _expression(pattern: str) -> Any:
    """Compile a pattern for pydantic's linear-time engine, since Python's can take exponential time."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        raise _bad(f"the pattern {shown(pattern)} is no plain regular expression") from None


def _unique_items(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if wanted and isinstance(value, list) and len({canonical_json(item) for item in value}) < len(value):
        yield ValidationError("an item stands twice")
