"""One POST after another to one address: bounded in time and size, no redirects, no cookies, no surprises."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from workbench.providers.base import Outcome
from workbench.providers.key import Key
from workbench.providers.openai.reply import Reply
from workbench.providers.openai.session import failure_of, headers_with, proxy_for, session_to

MAX_BODY: Final = 8 * 2**20  # bytes of one answer, after decompression
_KEPT: Final = 65_536  # bytes kept of an answer that is too large, to show what it was
_KEPT_HEADERS: Final = frozenset((b"retry-after", b"retry-after-ms", b"date", b"content-encoding", b"location"))


class Wire:
    """Connections to one address, reused and as many as there are calls; the key goes nowhere else."""

    def __init__(self, url: str, key: Key | None, loopback: bool) -> None:
        """Prepare to POST to `url`; nothing is opened before the first call."""
        self._url = URL(url)
        self._headers = CIMultiDict(headers_with(key, {"Content-Type": "application/json"}))
        self._proxy = proxy_for(self._url, loopback)
        self._opened: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Wire({self._url})"

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = session_to(self._url, self._proxy)
        return self._opened

    async def post(self, body: bytes, seconds: float) -> Reply:
        """Send a body and read the answer within so many seconds; whatever goes wrong is in the Reply."""
        partial = _Partial()
        try:
            async with asyncio.timeout(seconds):
                await self._exchange(body, partial)
        except TimeoutError:
            return partial.broken("timeout", f"no answer within {seconds:g} seconds")
        except _TooMuch as error:
            return partial.broken("garbage", str(error), keep=_KEPT)
        except Exception as error:  # a hostile server may find a path through the library that raises anything
            return partial.broken(*failure_of(error))
        return partial.whole()

    async def _exchange(self, body: bytes, partial: _Partial) -> None:
        response = await self._session().post(
            self._url, data=aiohttp.BytesPayload(body), headers=self._headers, allow_redirects=False
        )
        try:
            partial.begin(response.status, response.raw_headers)
            while chunk := await response.content.readany():
                partial.add(chunk)
        finally:
            response.release()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await self._opened.close()


class _TooMuch(Exception):
    """The answer is larger than the limit, or packed so that its size cannot be known."""


class _Partial:
    """An answer while it is being read."""

    def __init__(self) -> None:
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = self._came = 0
        self._unpack: Any = None

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._status = status
        named = ((name.lower(), value) for name, value in headers)
        self._headers = {name.decode(): value.decode("latin-1") for name, value in named if name in _KEPT_HEADERS}
        packing = self._headers.get("content-encoding", "identity").strip().lower()
        if packing in ("gzip", "x-gzip", "deflate"):  # sent although we asked for none
            self._unpack = zlib.decompressobj(wbits=47)
        elif packing not in ("identity", ""):
            raise _TooMuch(f"the answer is packed as {packing[:40]!r}, which was not asked for")

    def add(self, chunk: bytes) -> None:
        self._came += len(chunk)  # what is packed may unpack to nothing, for ever
        if self._unpack is not None:
            chunk = self._unpack.decompress(chunk, MAX_BODY + 1 - self._size)
        self._size += len(chunk)
        self._chunks.append(chunk)
        if max(self._size, self._came) > MAX_BODY:
            raise _TooMuch(f"the answer is larger than {MAX_BODY:,} bytes")

    def whole(self) -> Reply:
        return Reply(self._status, self._headers, b"".join(self._chunks))

    def broken(self, failure: Outcome, error: str, keep: int = MAX_BODY) -> Reply:
        return Reply(self._status, self._headers, b"".join(self._chunks)[:keep], failure, error)
