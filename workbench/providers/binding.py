"""Which host may be sent which key: a local file outside every project, written only by its owner's commands."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from workbench.errors import BadConfig, Conflict, KeyNotBound, UnknownName, WorkbenchError, raise_all
from workbench.providers.checks import checked_alias, is_loopback, positive, variable_name, web_address
from workbench.providers.key import Key
from workbench.reading import Located, yaml_file
from workbench.store.rehearsal import is_rehearsal

KINDS: Final = ("openai",)
_FIELDS: Final = ("url", "key_env", "kind", "timeout", "rpm", "tpm")
_OPENAI: Final = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Binding:
    """One alias: the address below which calls go, and the variable whose key may go there and nowhere else.

    `timeout` is in seconds per call; `rpm` and `tpm` are calls and tokens per minute.
    """

    alias: str
    url: str
    key_env: str | None = None
    kind: str = "openai"
    timeout: float | None = None
    rpm: int | None = None
    tpm: int | None = None

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")

    def key(self) -> Key | None:
        """Read the key from its variable; raises KeyNotBound where that is not set."""
        if self.key_env is None:
            return None
        secret = os.environ.get(self.key_env, "").strip()
        if not secret:
            raise KeyNotBound(
                f"{self.alias}: the variable {self.key_env} is not set",
                mend=f"set {self.key_env} to the key for {self.url}",
            )
        return Key(self.key_env, secret)


def config_path() -> Path:
    """Give the local configuration's place: $WORKBENCH_CONFIG, else providers.yaml in the user's folder."""
    if named := os.environ.get("WORKBENCH_CONFIG"):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "generation-workbench" / "providers.yaml"


def bindings() -> dict[str, Binding]:
    """Give every binding of the local configuration by alias; raises BadConfig with all that is wrong in it."""
    path = config_path()
    if not path.exists() and not path.is_symlink():
        return {}
    _refuse_foreign_writers(path)
    document = yaml_file(path)
    found: dict[str, Binding] = {}
    errors: list[WorkbenchError] = []
    for alias, entry in _entries(document).items():
        try:
            found[alias] = _binding(alias, entry, document.where("providers", alias))
        except WorkbenchError as error:
            errors.append(error)
    raise_all(errors)
    return found


def find(alias: str) -> Binding:
    """Give an alias's binding; raises KeyNotBound with the command that allows it.

    `openai` needs none: it goes to $OPENAI_BASE_URL where the user named that host, else to OpenAI.
    """
    known = bindings()
    if alias in known:
        return known[alias]
    if alias == "openai":
        return _openai()
    raise KeyNotBound(
        f"the provider {alias!r} is not bound on this machine",
        mend=f"allow it with: workbench providers add {alias} --url https://… --key-env NAME",
    )


def _openai() -> Binding:
    named = os.environ.get("OPENAI_BASE_URL", "").strip()
    url = web_address(named, "OPENAI_BASE_URL") if named else _OPENAI
    here = is_loopback(urlsplit(url).hostname or "")
    without_key = here and not os.environ.get("OPENAI_API_KEY")
    return Binding("openai", url, None if without_key else "OPENAI_API_KEY")


def add(alias: str, url: str, key_env: str | None = None, **rest: object) -> Binding:
    """Bind an alias (kind, timeout, rpm, tpm by name); raises BadConfig, or Conflict where it is bound otherwise."""
    binding = _binding(alias, {"url": url, "key_env": key_env, **rest}, alias)
    known = bindings()
    if known.get(alias, binding) != binding:
        raise Conflict(f"{alias} is bound to {known[alias].url}", mend=f"first: workbench providers remove {alias}")
    _write(known | {alias: binding})
    return binding


def remove(alias: str) -> Binding:
    """Forget an alias; raises UnknownName."""
    known = bindings()
    if alias not in known:
        raise UnknownName(f"no provider {alias!r} is bound", mend="see: workbench providers list")
    binding = known.pop(alias)
    _write(known)
    return binding


def _entries(document: Located) -> Mapping[str, Any]:
    value = document.value if document.value is not None else {}
    if not isinstance(value, dict) or set(value) - {"providers"}:
        raise BadConfig("it holds one section, providers", where=document.where(), mend="remove everything else")
    entries = value.get("providers") or {}
    if not isinstance(entries, dict):
        raise BadConfig("providers is no mapping", where=document.where("providers"), mend="write alias: {url: …}")
    return entries


def _binding(alias: str, entry: object, where: str) -> Binding:
    if not isinstance(entry, dict) or (set(entry) - set(_FIELDS)) or not isinstance(entry.get("url"), str):
        raise BadConfig(
            f"{alias} is no binding", where=where, mend=f"give it url, and at most {', '.join(_FIELDS[1:])}"
        )
    kind = entry.get("kind") or "openai"
    if kind not in KINDS:
        raise BadConfig(f"unknown kind {str(kind)[:40]!r}", where=where, mend=f"use {', '.join(KINDS)}")
    timeout = positive(entry, "timeout", where, 86_400)
    rpm, tpm = (positive(entry, name, where, 10**9, whole=True) for name in ("rpm", "tpm"))
    return Binding(
        checked_alias(alias, where),
        web_address(entry["url"], where),
        variable_name(entry.get("key_env"), where),
        kind,
        timeout,
        None if rpm is None else int(rpm),
        None if tpm is None else int(tpm),
    )


def _refuse_foreign_writers(path: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(path.lstat().st_mode) & 0o022 and not path.is_symlink():
        raise KeyNotBound("others may change where keys are sent", where=str(path), mend=f"run: chmod 600 {path}")


def _write(known: Mapping[str, Binding]) -> None:
    """Replace the file in one step, readable by its owner alone."""
    import yaml

    if is_rehearsal():
        return
    rows = {alias: _row(known[alias]) for alias in sorted(known)}
    path = config_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(yaml.safe_dump({"providers": rows}, sort_keys=False))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _row(binding: Binding) -> dict[str, Any]:
    fields = {name: getattr(binding, name) for name in _FIELDS}
    return {name: value for name, value in fields.items() if value is not None}
