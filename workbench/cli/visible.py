"""Foreign text made safe to look at: nothing in it can steer the terminal, hide or turn around."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

HIDDEN: Final = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # controls, format and bidi, surrogates, private, separators
# Letters and marks that show as nothing: grapheme joiner, fillers, a blank braille cell, variation selectors.
BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(n) for n in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
_SUSPECT: Final = re.compile(r"[^\x20-\x7e]")


def hides(char: str) -> bool:
    """Say whether a character is invisible or steers a terminal."""
    return char in BLANK or unicodedata.category(char) in HIDDEN


def _escaped(char: str) -> str:
    number = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def visible(text: str, limit: int | None = None, keep: str = "") -> str:
    """Give text with hidden characters escaped, but for those in `keep`; cut to `limit` ≥ 1 characters."""
    shown = _SUSPECT.sub(
        lambda m: _escaped(m[0]) if m[0] not in keep and hides(m[0]) else m[0],
        text if limit is None else text[: limit + 1],
    )
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "…"


def width(text: str) -> int:
    """Give the number of terminal cells of visible text: wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
