"""What a binding may say: aliases, addresses, variables, limits."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from workbench.errors import BadConfig

RESERVED: Final = ("offline", "llm")
_ALIAS: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ENDPOINTS: Final = ("/chat/completions", "/completions", "/responses", "/models")
_WRITE: Final = "write https://HOST/v1, or http://127.0.0.1:PORT/v1 for a server on this machine"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def checked_alias(alias: str, where: str = "") -> str:
    """Give an alias back when it may be bound; raises BadConfig."""
    if not _ALIAS.fullmatch(alias) or alias in RESERVED:
        raise BadConfig(
            f"{alias[:80]!r} cannot be an alias",
            where=where,
            mend=f"use a-z 0-9 . _ - and none of {', '.join(RESERVED)}",
        )
    return alias


def web_address(url: str, where: str) -> str:
    """Check and trim an origin with its path prefix; plain http only to this machine. Raises BadConfig."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadConfig(f"{url[:200]!r} is no address: {error}", where=where, mend="write https://HOST/v1") from None
    if parts.scheme not in ("http", "https") or not host or not url.strip().isascii() or " " in url.strip():
        raise BadConfig(f"{url[:200]!r} is no web address", where=where, mend=_WRITE)
    if parts.username is not None or parts.query or parts.fragment:
        raise BadConfig("an address holds no user, query or fragment", where=where, mend="write https://HOST/v1")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadConfig(f"http:// to {host} would show the key to the network", where=where, mend=_WRITE)
    found = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    for end in _ENDPOINTS:
        if found.endswith(end):
            raise BadConfig(f"{end} is one endpoint of many", where=where, mend=f"write {found.removesuffix(end)}")
    return found


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def variable_name(name: object, where: str) -> str | None:
    """Check the name of an environment variable, or None; raises BadConfig."""
    if name is None:
        return None
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise BadConfig("key_env is the name of an environment variable, never the key", where=where, mend="name it")
    return name


def positive(entry: Mapping[str, Any], name: str, where: str, most: int, whole: bool = False) -> float | None:
    """Read a number above 0 and up to `most`, or None where it is not given; raises BadConfig."""
    value = entry.get(name)
    if value is None:
        return None
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value <= most:
        raise BadConfig(f"{name} is {str(value)[:40]!r}", where=where, mend=f"give {name} a positive number")
    return float(value)
