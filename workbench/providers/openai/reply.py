"""What came over the wire, before anyone judges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.providers.base import Outcome


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whole or as far as it came: `failure` says how it broke off, `error` in words.

    `headers` have lower-case names. `status` is None where the answer did not get that far.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: Outcome | None = None
    error: str = ""
