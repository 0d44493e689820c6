"""Foreign text on a page: what is invisible or steers a terminal or the direction of reading is made visible."""

from __future__ import annotations

from typing import Final

_BIDI: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_HIDDEN: Final = "\u200b\u2060\ufeff\u00ad\u2028\u2029"
_SIGNS: Final[dict[int, str]] = (
    {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\t\n\r"}
    | {0x7F: "\u2421"}
    | {code: f"⟨{code:02X}⟩" for code in range(0x80, 0xA0)}
    | {ord(sign): f"⟨{ord(sign):04X}⟩" for sign in _BIDI + _HIDDEN}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
    | {code: "\ufffd" for plane in range(17) for code in (plane * 0x10000 + 0xFFFE, plane * 0x10000 + 0xFFFF)}
    | dict.fromkeys(range(0xFDD0, 0xFDF0), "\ufffd")
)


def inert(html: str) -> str:
    """Show control, direction and zero-width characters of a finished page as signs; lines and tabs stay."""
    return html.translate(_SIGNS)
