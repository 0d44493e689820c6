"""Texts and marked parts of texts. Every search is linear in the length of the answer."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final

from workbench.parse.outcome import Options, Parsed, Unreadable

_FLAGS: Final = re.IGNORECASE | re.ASCII
_ESSAY_OPEN: Final = re.compile(r"<essay(?:\s[^<>]{0,200})?>", _FLAGS)
_ESSAY_CLOSE: Final = re.compile(r"</essay\s{0,20}>", _FLAGS)
_THINKING: Final = re.compile(r"<(/?)thinking\s{0,20}>", _FLAGS)
_IDEA_OPEN: Final = re.compile(r"<essay-idea(?:\s([^<>]{0,200}))?>", _FLAGS)
_IDEA_CLOSE: Final = re.compile(r"</essay-idea\s{0,20}>", _FLAGS)
_STAGE: Final = re.compile(r"\bstage\s{0,5}=\s{0,5}[\"']?(\d{1,9})\b", _FLAGS)


def whole_text(raw: str, options: Options) -> Parsed:
    """Take the answer as it is."""
    return Parsed(_filled(raw, "the answer"), "ok")


def _filled(text: str, what: str) -> str:
    if not text.strip():
        raise Unreadable("empty", f"{what} is empty")
    return text


def essay_block(raw: str, options: Options) -> Parsed:
    """Take the first <essay> block; its end may be missing."""
    inner = _first_essay(raw)
    if inner is None:
        raise Unreadable("no_essay_block", "the answer has no <essay> block")
    return Parsed(_filled(inner, "the <essay> block"), "ok")


def _first_essay(text: str) -> str | None:
    opening = _ESSAY_OPEN.search(text)
    if opening is None:
        return None
    closing = _ESSAY_CLOSE.search(text, opening.end())
    return text[opening.end() : closing.start() if closing else len(text)].strip()


def essay_block_lenient(raw: str, options: Options) -> Parsed:
    """Drop <thinking>; take the <essay> block, or the whole rest where there is none."""
    rest = without_thinking(raw)
    inner = _first_essay(rest)
    return Parsed(_filled(rest.strip() if inner is None else inner, "the essay"), "ok")


def without_thinking(text: str) -> str:
    """Drop every closed <thinking> block; one that never ends stays."""
    kept: list[str] = []
    done, opened = 0, None
    for tag in _THINKING.finditer(text):
        if not tag[1]:
            opened = tag.start() if opened is None else opened
        elif opened is not None:
            kept.append(text[done:opened])
            done, opened = tag.end(), None
    return "".join([*kept, text[done:]])


def essay_idea_last(raw: str, options: Options) -> Parsed:
    """Take the closed <essay-idea stage="n"> block with the highest number; the last one among equals."""
    closings = [(tag.start(), tag.end()) for tag in _IDEA_CLOSE.finditer(raw)]
    openings = list(_IDEA_OPEN.finditer(raw))
    best: tuple[int, int, int] | None = None
    for number, opening in enumerate(openings):
        at = bisect_left(closings, (opening.end(), 0))
        limit = openings[number + 1].start() if number + 1 < len(openings) else len(raw)
        if at < len(closings) and closings[at][0] <= limit:
            found = (_stage(opening[1]), opening.end(), closings[at][0])
            best = max(best or found, found)
    if best is None:
        raise Unreadable("no_essay_idea", "the answer has no closed <essay-idea> block")
    return Parsed(_filled(raw[best[1] : best[2]].strip(), "the last <essay-idea> block"), "ok")


def _stage(attributes: str | None) -> int:
    found = _STAGE.search(attributes or "")
    return int(found[1]) if found else -1
