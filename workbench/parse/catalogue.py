"""The parsers by name, ours and those of other packages, and the one way to use them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Final

from workbench.errors import BadTemplate
from workbench.parse import essays, samples, schemas, scores, subtopics
from workbench.parse.outcome import Options, Parsed, Scale, Unreadable, failed
from workbench.parse.theirs import Read, guarded
from workbench.plugins import plugin, plugin_names

_OURS: Final[Mapping[str, tuple[Read, str]]] = {
    "": (essays.whole_text, "the answer as it is"),
    "identity": (essays.whole_text, "the answer as it is"),
    "text": (essays.whole_text, "the answer as it is"),
    "essay_block": (essays.essay_block, "the first <essay> block"),
    "essay_block_lenient": (essays.essay_block_lenient, "the <essay> block, else all but <thinking>"),
    "essay_idea_last": (essays.essay_idea_last, 'the <essay-idea stage="n"> block with the highest number'),
    "in_last_line": (scores.in_last_line, "a score of 0 to 9 from the last three lines"),
    "score": (scores.score, "a score from words, 8/10, 70% or JSON, on the template's scale"),
    "json": (schemas.json_by_schema, "JSON, held against the template's schema if it has one"),
    "chat": (samples.chat, "a conversation as JSON: messages with roles, optional reasoning"),
    "qa": (samples.question_answer, "a question and its answer as JSON"),
    "instruction": (samples.instruction, "instruction, input and output as JSON"),
    "subtopics": (subtopics.subtopics, "a list of subtopics, as JSON or one a line"),
    "subtopics_graph": (subtopics.subtopics_graph, "subtopics with their connections, as JSON"),
}
PARSERS: Final[Mapping[str, str]] = {name: about for name, (_, about) in _OURS.items()}


@cache
def _others() -> list[str]:
    """Name other packages' parsers: entry points that load a function (raw, Options) → Parsed."""
    return [name for name in plugin_names("parsers") if name not in _OURS]


def parser_names() -> list[str]:
    """Give every parser's name, ours first; the empty name is `identity`."""
    return [*filter(None, _OURS), *_others()]


def known_parser(name: str, where: str = "") -> str:
    """Give a parser's name back when there is such a parser; raises BadTemplate with the nearest names."""
    if name in _OURS or name in _others():
        return name
    near = get_close_matches(name, parser_names(), 3, 0.5) or parser_names()
    raise BadTemplate(f"there is no parser {name[:60]!r}", where=where, mend=f"use {', '.join(near)}")


@cache
def _reader(name: str) -> Read:
    known_parser(name)
    theirs: Read | None = None if name in _OURS else plugin("parsers", name)
    return _OURS[name][0] if theirs is None else guarded(name, theirs)


def load_parser(name: str) -> None:
    """Make a parser ready, so that one that cannot be had is known before an answer is paid for.

    Raises BadTemplate where there is none, BadConfig where it does not load.
    """
    _reader(name)


def parse(
    parser: str,
    raw: str,
    *,
    minimum_lines: int = 0,
    truncated: bool = False,
    schema: Mapping[str, object] | None = None,
    scale: Scale | None = None,
) -> Parsed:
    """Read a model's answer; what cannot be read is an outcome, never an exception.

    `truncated` says that the model was cut off, `minimum_lines` counts non-blank lines of the answer, `scale`
    is (lowest, highest). Raises BadTemplate for an unknown parser or a schema that cannot be used.
    """
    read = _reader(parser)
    if truncated:
        return failed("truncated", "the answer was cut off at the token limit")
    if minimum_lines and (found := _line_count(raw)) < minimum_lines:
        return failed("too_few_lines", f"{found} lines of at least {minimum_lines}")
    try:
        return _storable(read(raw, Options(schema, scale)))
    except Unreadable as error:
        return failed(error.outcome, error.detail)
    except BadTemplate:
        raise
    except Exception as error:  # a parser of another package may raise anything; the answer was paid for
        return failed("parser_failed", f"{parser}: {type(error).__name__}: {str(error)[:200]}")


def _line_count(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def _storable(parsed: Parsed) -> Parsed:
    """Put `?` for lone surrogates, which no UTF-8 text can hold."""
    text = parsed.text
    if text is None or text.isascii():
        return parsed
    try:
        text.encode()
    except UnicodeEncodeError:
        whole = text.encode("utf-8", "replace").decode()
        return Parsed(whole, parsed.outcome, parsed.detail, parsed.score, parsed.scale)
    return parsed
