"""What every response carries, Datasette's own too, and who may ask: programs that name this machine."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import BaseLoader, Environment

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
OURS: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Datasette's own pages bring scripts, and styles in attributes; only scripts of its templates have the nonce.
THEIRS: Final = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_nonce: ContextVar[str] = ContextVar("nonce", default="")


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application before Datasette's: unknown hosts are refused, every response gets its headers."""

    app: App
    hosts: frozenset[str] = HOSTS

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 400."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(18)
        _nonce.set(nonce)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _with(message.get("headers") or [], nonce)}
            await send(message)

        named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(named) == 1 and hostname(named[0]) in self.hosts:
            await self.app(scope, receive, guarded)
        else:
            await _refuse(guarded)


def hostname(host: str) -> str:
    """Give the name in a Host header, without its port, in lower case."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _with(headers: Iterable[tuple[bytes, bytes]], nonce: str) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    wanted = {
        b"content-security-policy": THEIRS.format(nonce=nonce).encode(),
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"cross-origin-opener-policy": b"same-origin",
    }
    names = {name.lower() for name, _ in given}
    return given + [(name, value) for name, value in wanted.items() if name not in names]


async def _refuse(send: Send) -> None:
    body = b"This workbench answers only to the names of the machine itself: 127.0.0.1 and localhost.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Nonced(BaseLoader):
    """Templates in whose source each script names the nonce: what is put in later, text of models, cannot."""

    def __init__(self, inner: BaseLoader) -> None:
        """Wrap a loader."""
        self.inner = inner

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Give a template's source with nonces in it."""
        source, name, fresh = self.inner.get_source(environment, template)
        return source.replace("<script", '<script nonce="{{ workbench_nonce() }}"'), name, fresh

    def list_templates(self) -> list[str]:
        """Give the names of all templates."""
        return self.inner.list_templates()


def current_nonce() -> str:
    """Give the nonce of the request that is being answered."""
    return _nonce.get()
