"""Single requests of any method below one bound address, for what is asked seldom: files and batches.

Each opens a connection of its own. Bounded in time and size, no redirects, no cookies; the key goes nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

import aiohttp
from yarl import URL

from workbench.providers.key import Key
from workbench.providers.openai.reply import Reply
from workbench.providers.openai.session import failure_of, headers_with, proxy_for, session_to
from workbench.providers.openai.wire import MAX_BODY

MOST: Final = 8 * 2**30  # bytes of one file, at most
_SILENCE: Final = 60.0  # seconds between two bytes
_KEPT_HEADERS: Final = frozenset(("retry-after", "retry-after-ms", "date", "location"))


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: its type, its size in bytes, and its parts, which may be made while they are sent."""

    kind: str
    size: int
    parts: Iterable[bytes]


class Exchange:
    """Asks below one address; whatever goes wrong is in the Reply."""

    def __init__(self, url: str, key: Key | None, loopback: bool) -> None:
        """Prepare to ask below `url`; nothing is opened before the first request."""
        self._base, self._key = url, key
        self._proxy = proxy_for(URL(url), loopback)

    def __repr__(self) -> str:
        return f"Exchange({self._base})"

    def send(
        self,
        method: str,
        path: str,
        seconds: float,
        body: Body | None = None,
        into: BinaryIO | None = None,
        most: int = MOST,
    ) -> Reply:
        """Ask, and read the answer within so many seconds: whole, or what is good of it, up to `most` bytes, written
        to `into`."""
        return asyncio.run(self._within(seconds, method, path, body, _Heard(into, most)))

    async def _within(self, seconds: float, method: str, path: str, body: Body | None, heard: _Heard) -> Reply:
        try:
            async with asyncio.timeout(seconds), session_to(URL(self._base), self._proxy, _SILENCE) as session:
                await self._ask(session, method, path, body, heard)
        except TimeoutError:
            return heard.broken(TimeoutError(f"no answer within {seconds:g} seconds"))
        except Exception as error:  # a hostile server may find a path through the library that raises anything
            return heard.broken(error)
        return heard.whole()

    async def _ask(
        self, session: aiohttp.ClientSession, method: str, path: str, body: Body | None, heard: _Heard
    ) -> None:
        url, sent = URL(f"{self._base}{path}", encoded=True), _parts(body) if body else None
        told = {"Content-Type": body.kind, "Content-Length": str(body.size)} if body else {}
        headers = headers_with(self._key, told)
        async with session.request(method, url, data=sent, headers=headers, allow_redirects=False) as response:
            heard.begin(response)
            while part := await response.content.readany():
                heard.add(part)


async def _parts(body: Body) -> AsyncIterator[bytes]:
    for part in body.parts:
        yield part


class _Unusable(Exception):
    """The answer is larger than the limit, packed though nothing asked for that, or cannot be written down."""


class _Heard:
    """An answer while it is being read."""

    def __init__(self, into: BinaryIO | None, most: int) -> None:
        self._into, self._most = into, most
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._size = 0

    def begin(self, response: aiohttp.ClientResponse) -> None:
        self._status = response.status
        named = ((name.lower(), value) for name, value in response.headers.items())
        self._headers = {name: value for name, value in named if name in _KEPT_HEADERS}
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Unusable("the answer is packed, which was not asked for")
        if not 200 <= response.status < 300:
            self._into = None

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > (MAX_BODY if self._into is None else self._most):
            raise _Unusable(f"the answer is larger than {self._size - len(part):,} bytes")
        if self._into is None:
            self._body.extend(part)
            return
        try:
            self._into.write(part)
        except OSError as error:
            raise _Unusable(f"no room for the answer: {error.strerror}") from None

    def whole(self) -> Reply:
        return Reply(self._status, self._headers, bytes(self._body))

    def broken(self, error: Exception) -> Reply:
        if isinstance(error, _Unusable):
            return Reply(self._status, self._headers, bytes(self._body), "garbage", str(error))
        return Reply(self._status, self._headers, bytes(self._body), *failure_of(error))
