"""The only file that speaks HTTP: one POST, bounded in time and size, no redirects, no cookies, no surprises."""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from workbench import __version__
from workbench.providers.base import Outcome
from workbench.providers.key import Key
from workbench.providers.openai.reply import Reply

MAX_BODY: Final = 8 * 2**20  # bytes of one answer, after decompression
_KEPT: Final = 65_536  # bytes kept of an answer that is too large, to show what it was
_CONNECT: Final = 15.0  # seconds
_KEPT_HEADERS: Final = frozenset((b"retry-after", b"retry-after-ms", b"date", b"content-encoding", b"location"))


class Wire:
    """Connections to one address, reused and as many as there are calls; the key goes nowhere else."""

    def __init__(self, url: str, key: Key | None, loopback: bool) -> None:
        """Prepare to POST to `url`; nothing is opened before the first call."""
        self._url = URL(url)
        self._headers = _headers(key)
        self._proxy = None if loopback else proxy_for(self._url)
        self._opened: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Wire({self._url})"

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            secure: ssl.SSLContext | bool = trusted() if self._url.scheme == "https" else True
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=secure),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
                auto_decompress=False,
                trust_env=False,
                proxy=self._proxy,
            )
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


def _headers(key: Key | None) -> CIMultiDict[str]:
    """Give what every request carries; never as the session's defaults, which aiohttp sends to proxies too."""
    fixed = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"generation-workbench/{__version__}",
    }
    return CIMultiDict(fixed if key is None else fixed | {"Authorization": key.header()})


def trusted() -> ssl.SSLContext:
    """Trust whom $SSL_CERT_FILE or $SSL_CERT_DIR names, else the certificates that come with certifi."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    import certifi

    return ssl.create_default_context(cafile=certifi.where())


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


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def failure_of(error: Exception) -> tuple[Outcome, str]:
    """Class an exception by the types in its chain."""
    chain = list(_causes(error))
    words = f"{type(chain[-1]).__name__}: {chain[-1]}"
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        return "untrusted", words
    if any(isinstance(cause, aiohttp.ClientResponseError | zlib.error) for cause in chain):
        return "garbage", f"not HTTP: {words}"
    if any(isinstance(cause, TimeoutError) for cause in chain):
        return "timeout", words
    return "reset", _unreached(chain) or words


def _unreached(chain: list[BaseException]) -> str:
    """Say of a connection that never was why not, and where to; empty for every other failure."""
    for cause in chain:
        if isinstance(cause, aiohttp.ClientConnectorDNSError):
            return f"no host of the name {cause.host} is found"
        if isinstance(cause, aiohttp.ClientConnectorError) and isinstance(cause.os_error, ConnectionRefusedError):
            return f"connection refused: nothing listens at {cause.host} port {cause.port}"
    return ""


def proxy_for(url: URL) -> str | None:
    """Give the proxy that the environment names for an address that is not this machine."""
    return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)
