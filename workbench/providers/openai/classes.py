"""Outcome classes from statuses and error codes, never from words in a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.providers.base import Outcome

_BY_STATUS: Final[Mapping[int, Outcome]] = {
    401: "auth",
    402: "no_credit",
    403: "auth",
    404: "not_found",
    405: "not_found",
    407: "auth",
    408: "busy",
    409: "busy",
    410: "not_found",
    413: "too_large",
    414: "too_large",
    425: "busy",
    429: "rate_limited",
    431: "too_large",
    503: "busy",
    529: "busy",
}
_BY_CODE: Final[Mapping[str, Outcome]] = {
    "insufficient_quota": "no_credit",
    "billing_hard_limit_reached": "no_credit",
    "billing_not_active": "no_credit",
    "model_not_found": "no_model",
    "invalid_api_key": "auth",
    "invalid_organization": "auth",
    "account_deactivated": "auth",
    "authentication_error": "auth",
    "permission_error": "auth",
    "context_length_exceeded": "too_large",
    "exceed_context_size_error": "too_large",
    "string_above_max_length": "too_large",
    "request_too_large": "too_large",
    "content_policy_violation": "filtered",
    "content_filter": "filtered",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_error": "rate_limited",
    "overloaded_error": "busy",
}


def outcome_of_status(status: int) -> Outcome:
    """Class a status that is no success."""
    if (known := _BY_STATUS.get(status)) is not None:
        return known
    if 300 <= status < 400:
        return "redirected"
    if 400 <= status < 500:
        return "bad_request"
    return "server_error" if 500 <= status < 600 else "garbage"


def outcome_of_error(status: int, error: Mapping[str, Any]) -> Outcome:
    """Class an error object: its code, its type, then the status.

    Gateways send the upstream's status as the code of an answer with status 200. A 5xx is transient whatever the code.
    """
    code = error.get("code")
    if status < 400:
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
    if status < 500:
        for name in (code, error.get("type")):
            if isinstance(name, str) and (known := _BY_CODE.get(name)) is not None:
                return known
    return outcome_of_status(status)
