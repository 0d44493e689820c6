"""A key that can be sent but not seen: masked in everything that comes back or is shown."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

from workbench.errors import KeyNotBound

MASK: Final = "[key]"
_SHORTEST: Final = 8  # a shorter value is no key, and masking words like "none" would spoil answers


class Key:
    """A secret from the environment, under the name of its variable. Never in repr, pickles or messages."""

    __slots__ = ("__dict__", "__secret", "variable")

    def __init__(self, variable: str, secret: str) -> None:
        """Take the value of a variable; raises KeyNotBound for what cannot be sent in a header."""
        secret = secret.strip()
        if not secret.isascii() or not secret.isprintable():
            raise KeyNotBound(f"{variable} holds characters that no key has", mend=f"set {variable} to the key alone")
        self.variable, self.__secret = variable, secret

    def __repr__(self) -> str:
        return f"Key({self.variable})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written down")

    def header(self) -> str:
        """Give the Authorization header's value."""
        return f"Bearer {self.__secret}"

    def redact(self, text: str) -> str:
        """Mask the key wherever it stands in a text."""
        return text.replace(self.__secret, MASK) if self._maskable and self.__secret in text else text

    def redact_bytes(self, body: bytes) -> bytes:
        """Mask the key in a body, also where JSON escapes its characters."""
        if not self._maskable:
            return body
        body = body.replace(self.__secret.encode(), MASK.encode())
        if b"\\u00" in body or b"\\/" in body:
            body = self._escaped.sub(MASK.encode(), body)
        return body

    @property
    def _maskable(self) -> bool:
        return len(self.__secret) >= _SHORTEST

    @cached_property
    def _escaped(self) -> re.Pattern[bytes]:
        """Match the key with any character of it written as JSON may write it."""
        parts = (rb"(?:\\?" + re.escape(bytes([code])) + rb"|\\u00(?i:%02x))" % code for code in self.__secret.encode())
        return re.compile(b"".join(parts))
