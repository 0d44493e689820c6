"""From an alias to a provider: the embedded ones, those bound on this machine, those of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadInput, KeyNotBound, WorkbenchError
from workbench.plugins import plugin
from workbench.providers.base import Provider
from workbench.providers.binding import find
from workbench.providers.checks import RESERVED

if TYPE_CHECKING:
    from workbench.providers.openai.batches import Batches


def provider_for(alias: str) -> Provider:
    """Make the provider behind an alias; raises KeyNotBound or MissingExtra, each with its remedy.

    `offline` is embedded, `llm` and `llm:MODEL` need the extra, others are bound by `workbench providers add`
    or come from packages with an entry point in the group `workbench.providers` (a callable that takes the alias).
    """
    if alias == "offline":
        from workbench.providers.offline import Offline

        return Offline()
    if alias == "llm" or alias.startswith("llm:"):
        from workbench.providers.llm import Llm

        return Llm(alias.partition(":")[2])
    try:
        binding = find(alias)
    except KeyNotBound:
        if (theirs := plugin("providers", alias.partition(":")[0])) is not None:
            from workbench.providers.theirs import Theirs

            return Theirs(theirs, alias)
        raise
    from workbench.providers.openai import OpenAI

    return OpenAI(binding)


def why_not(alias: str) -> WorkbenchError | None:
    """Say why an alias cannot be used on this machine, with the remedy; None: it can."""
    try:
        provider_for(alias)
    except WorkbenchError as error:
        return error
    return None


def batches_for(alias: str) -> Batches:
    """Make the files and batches endpoints of a bound alias; raises BadInput for what has none, or KeyNotBound."""
    if alias.partition(":")[0] in RESERVED:
        raise BadInput(f"the provider {alias!r} takes no batches", mend="leave out --batch for its models")
    from workbench.providers.openai.batches import Batches

    return Batches(find(alias))


def limits_of(alias: str) -> tuple[int | None, int | None]:
    """Give the calls and tokens a minute that the local configuration allows an alias; None: no limit."""
    try:
        binding = find(alias)
    except KeyNotBound:
        return None, None
    return binding.rpm, binding.tpm
