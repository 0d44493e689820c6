"""Foreign text on a page: what is invisible or steers a terminal or the direction of reading is made visible."""

from __future__ import annotations

import json
import re
from typing import Final

from markupsafe import Markup, escape

LONG: Final = 200_000  # characters; longer JSON is shown as it came
_BIDI: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_HIDDEN: Final = "\u200b\u2060\ufeff\u00ad\u2028\u2029"
_SIGNS: Final[dict[int, str]] = (
    {code: f"⟨{code:02X}⟩" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}
    | {ord(sign): f"⟨{ord(sign):04X}⟩" for sign in _BIDI + _HIDDEN}
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
    | {code: "\ufffd" for plane in range(17) for code in (plane * 0x10000 + 0xFFFE, plane * 0x10000 + 0xFFFF)}
    | dict.fromkeys(range(0xFDD0, 0xFDF0), "\ufffd")
)


def inert(html: str) -> str:
    """Show control, direction and zero-width characters of a finished page as signs; lines and tabs stay."""
    return html.translate(_SIGNS)


def prose(text: str) -> Markup:
    """Set prose of ours: what stands in backticks is code, what stands in asterisks is stressed."""
    code = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*(\w+)\*", r"<em>\1</em>", code))


def laid_out(text: str, letters: int = 60_000) -> str:
    """Give a text for reading: a conversation told turn by turn, other JSON indented, anything else as it is."""
    if text[:1] not in ("{", "[") or len(text) >= LONG:
        return text[:letters]
    try:
        return _told(text, letters)[:letters]
    except (ValueError, RecursionError):
        return text[:letters]


def _told(text: str, letters: int) -> str:
    data = json.loads(text)
    if not isinstance(data, dict) or not isinstance(data.get("messages"), list):
        return _indented(data, letters)
    turns = [_turn(one) for one in data.pop("messages")]
    rest = [f"{name}: {_plain(value)}" for name, value in data.items()]
    return "\n\n".join(turns + rest)


def _indented(data: object, letters: int) -> str:
    """Indent JSON until there are enough letters: deep down, each line of it begins with a page of blanks."""
    parts, size = [], 0
    for part in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(data):
        parts.append(part)
        size += len(part)
        if size > letters:
            break
    return "".join(parts)


def _turn(message: object) -> str:
    if not isinstance(message, dict):
        return _plain(message)
    return f"{_plain(message.get('role', '?'))}: {_plain(message.get('content', ''))}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
