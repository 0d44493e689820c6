"""What every request over HTTP has: whom it trusts, by which proxy it goes, what it says of itself, how it fails."""

from __future__ import annotations

import os
import ssl
import zlib
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from workbench import __version__
from workbench.providers.base import Outcome
from workbench.providers.key import Key

_CONNECT: Final = 15.0  # seconds


def session_to(url: URL, proxy: str | None, silence: float | None = None) -> aiohttp.ClientSession:
    """Open a session for one address, as many connections as there are requests.

    `silence` is how many seconds may pass between two bytes, for requests that have no other end.
    """
    secure: ssl.SSLContext | bool = trusted() if url.scheme == "https" else True
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=secure),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=silence),
        auto_decompress=False,
        trust_env=False,
        proxy=proxy,
    )


def headers_with(key: Key | None, more: Mapping[str, str]) -> dict[str, str]:
    """Give what every request carries; never as the session's defaults, which aiohttp sends to proxies too."""
    found = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"generation-workbench/{__version__}",
        **more,
    }
    return found if key is None else found | {"Authorization": key.header()}


def trusted() -> ssl.SSLContext:
    """Trust whom $SSL_CERT_FILE or $SSL_CERT_DIR names, else the certificates that come with certifi."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    import certifi

    return ssl.create_default_context(cafile=certifi.where())


def proxy_for(url: URL, loopback: bool) -> str | None:
    """Give the proxy that the environment names for an address, unless that is this machine."""
    return None if loopback or proxy_bypass(url.host or "") else getproxies().get(url.scheme)


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
