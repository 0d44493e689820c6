"""Scores: the number that an evaluation ends in, placed on the template's scale. Never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from workbench.parse.extract import answered, found_json
from workbench.parse.outcome import Options, Parsed, Scale, Unreadable, shown

DEFAULT_SCALE: Final[Scale] = (0.0, 9.0)
_WINDOW: Final = 65_536  # characters read at each end of a long answer
_FLAGS: Final = re.IGNORECASE | re.ASCII
_N: Final = r"\d{1,9}(?:\.\d{1,9})?"
_VALUE: Final = (
    rf"(?<![\d.])(?P<n>[-+]?{_N})(?![\d]|\.\d)"
    rf"(?:\s{{0,9}}(?:(?P<percent>%)|(?:/|out\s{{1,9}}of)\s{{0,9}}(?P<of>{_N})(?![\d])))?"
    r"(?P<doubt>,\s{0,3}\d|\s{0,3}[-–—]\s{0,3}\d|\s{1,3}(?:or|to)\s{1,3}\d)?"
)
_NAMED: Final = r"(?:score|rating|grade)s?\b"
_FINAL: Final = re.compile(rf"\b(?:final|total|overall)(?:\s{{1,9}}{_NAMED}|(?=\s{{0,3}}[:=]))", _FLAGS)
_LABEL: Final = re.compile(rf"\b(?:{_NAMED}|(?:score|rate)[sd]?\b|(?:give|award)s?\b)", _FLAGS)
_REST: Final = tuple(
    re.compile(before + _VALUE, _FLAGS)
    for before in (
        r"[\"']?\s{0,9}(?:\([^()\n]{0,60}\)|\[[^\[\]\n]{0,60}\])?\s{0,9}(?:[:=]|is\b|of\b|[-–—]\s)?\s{0,9}",
        r"[^:=\n]{0,80}[:=]\s{0,9}",
        r"[^\d\n:=.!?-]{0,40}\s",
    )
)
_LONE: Final = re.compile(_VALUE, _FLAGS)
_KEYS: Final = ("final_score", "total_score", "overall_score", "score", "rating", "grade", "overall", "total")
_MAXIMA: Final = ("out_of", "max_score", "max", "scale")
_WHOLE_LINE: Final = re.compile(r"SCORE:\s{0,9}(\d{1,9}(?:\.\d{1,9})?)", _FLAGS)
_THREE: Final = re.compile(r"(?:SCORES?:\s{0,9})?(\d)[\s,;./]{1,3}(\d)[\s,;./]{1,3}(\d)", _FLAGS)
_FINAL_SCORE: Final = re.compile(r"\b(?:Final|Total)\s{1,9}Score\b[^\d\n]{0,20}(\d{1,9}(?:\.\d{1,9})?)", _FLAGS)
_MARKUP: Final = str.maketrans("", "", "*#")


def in_last_line(raw: str, options: Options) -> Parsed:
    """Read a score of 0 to 9 from the last three lines: a SCORE line, three digits, or a final score."""
    tail = raw.rstrip()[-_WINDOW:].translate(_MARKUP)
    lines = [line.strip() for line in tail.splitlines() if line.strip()][-3:]
    for read in (_score_line, _three_digits, _final_score):
        for line in lines:
            if (value := read(line)) is not None:
                return _scored(value, options.scale or DEFAULT_SCALE)
    raise Unreadable("no_score", "the last three lines hold no score")


def _score_line(line: str) -> float | None:
    found = _WHOLE_LINE.fullmatch(line)
    return float(found[1]) if found else None


def _three_digits(line: str) -> float | None:
    found = _THREE.fullmatch(line)
    return sum(map(int, found.groups())) / 3 if found else None


def _final_score(line: str) -> float | None:
    found = _FINAL_SCORE.search(line)
    return float(found[1]) if found else None


def score(raw: str, options: Options) -> Parsed:
    """Read a score from JSON, `Score: 7`, `8/10`, `70%` or words around the number, onto the scale."""
    scale = options.scale or DEFAULT_SCALE
    text = answered(raw).strip()
    if not text:
        raise Unreadable("empty", "the answer is empty")
    if (value := _from_json(text, scale)) is None:
        value = _from_words(_ends(text), scale)
    if value is None:
        raise Unreadable("no_score", f"the answer holds no score: it ends in {shown(text[-60:])}")
    return _scored(value, scale)


def _ends(text: str) -> list[str]:
    if len(text) > 2 * _WINDOW:
        text = f"{text[:_WINDOW]}\n{text[-_WINDOW:]}"
    plain = text.translate(_MARKUP).replace("`", "")
    return [line for line in plain.splitlines() if line.strip()]


def _from_json(text: str, scale: Scale) -> float | None:
    try:
        value = found_json(text)
    except Unreadable:
        return None
    levels = [value, *value.values()] if isinstance(value, dict) else []
    for level in levels:
        if isinstance(level, dict) and (found := _keyed(level, scale)) is not None:
            return found
    return None


def _keyed(level: Mapping[str, Any], scale: Scale) -> float | None:
    named = {key.lower().replace(" ", "_"): value for key, value in level.items()}
    highest = next((top for key in _MAXIMA if (top := _number(named.get(key))) is not None), None)
    for key in _KEYS:
        value = named.get(key)
        if (number := _number(value)) is not None:
            return _placed(number, highest, scale)
        if isinstance(value, str) and (found := _LONE.fullmatch(value.strip())) is not None:
            return _read(found, scale)
    return None


def _number(value: Any) -> float | None:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12
    return float(value) if plain else None


def _from_words(lines: list[str], scale: Scale) -> float | None:
    for label in (_FINAL, _LABEL):
        for line in reversed(lines):
            if (found := _after_label(line, label)) is not None:
                return _read(found, scale)
    if not lines:
        return None
    if (lone := _LONE.fullmatch(lines[-1].strip().rstrip("."))) is not None:
        return _read(lone, scale)
    shares = [found for found in _LONE.finditer(lines[-1]) if found["percent"] or found["of"]]
    return _read(shares[0], scale) if len(shares) == 1 else None


def _after_label(line: str, label: re.Pattern[str]) -> re.Match[str] | None:
    last = None
    for name in label.finditer(line):
        last = next(_values_at(line, name.end()), last)
    return last


def _values_at(line: str, at: int) -> Iterator[re.Match[str]]:
    return (found for rest in _REST if (found := rest.match(line, at)) is not None)


def _read(found: re.Match[str], scale: Scale) -> float:
    if found["doubt"]:
        raise Unreadable("ambiguous_score", f"{shown(found[0])} could be more than one score")
    value = float(found["n"])
    if found["percent"]:
        return _placed(value, 100.0, scale, share=True)
    return _placed(value, float(found["of"]) if found["of"] else None, scale)


def _placed(value: float, out_of: float | None, scale: Scale, share: bool = False) -> float:
    """Put a share of 0 … `out_of` on the scale; a plain number, or one out of the scale's top, stays."""
    lowest, highest = scale
    if out_of is None or (out_of == highest and not share):
        return value
    if out_of <= 0 or not 0 <= value <= out_of:
        raise Unreadable("out_of_range", f"{value:g} is not between 0 and {out_of:g}")
    return min(max(lowest + (highest - lowest) * value / out_of, lowest), highest)


def _scored(value: float, scale: Scale) -> Parsed:
    if not scale[0] <= value <= scale[1]:
        raise Unreadable("out_of_range", f"{value:g} is not between {scale[0]:g} and {scale[1]:g}")
    number = float(value)
    return Parsed(str(number), "ok", score=number, scale=scale)
