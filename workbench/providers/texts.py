"""Foreign text made storable: no NUL, no lone surrogates, one line where one line is wanted."""

from __future__ import annotations

from typing import Final

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_LINE: Final = 300  # characters of an error that are worth keeping


def cleaned(text: str) -> tuple[str, bool]:
    """Give the text as UTF-8 and SQLite can hold it, and whether anything had to be replaced."""
    whole = text.replace("\0", _REPLACEMENT) if "\0" in text else text
    try:
        whole.encode()
    except UnicodeEncodeError:
        whole = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole, whole != text


def one_line(text: object) -> str:
    """Give at most 300 printable characters on one line."""
    if isinstance(text, str) and len(text) <= _LINE and text.isprintable() and "  " not in text:
        return text.strip()
    words = " ".join(cleaned(str(text)[: 4 * _LINE])[0].split())
    plain = "".join(sign if sign.isprintable() else _REPLACEMENT for sign in words)
    return plain if len(plain) <= _LINE else plain[: _LINE - 1] + "…"
