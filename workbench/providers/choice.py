"""From an alias to a provider: the embedded ones, those bound on this machine, those of other packages."""

from __future__ import annotations

from typing import Final

from workbench.errors import BadConfig, KeyNotBound, WorkbenchError
from workbench.providers.base import Provider
from workbench.providers.binding import find

GROUP: Final = "workbench.providers"


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
        if (theirs := _from_packages(alias)) is not None:
            return theirs
        raise
    from workbench.providers.openai import OpenAI

    return OpenAI(binding)


def _from_packages(alias: str) -> Provider | None:
    from importlib.metadata import entry_points

    name = alias.partition(":")[0]
    for point in entry_points(group=GROUP, name=name):
        try:
            provider: Provider = point.load()(alias)
            return provider
        except WorkbenchError:
            raise
        except Exception as error:
            raise BadConfig(
                f"the provider {name!r} of {point.value} does not load: {type(error).__name__}: {error}",
                mend="mend or remove that package",
            ) from error
    return None


def limits_of(alias: str) -> tuple[int | None, int | None]:
    """Give the calls and tokens a minute that the local configuration allows an alias; None: no limit."""
    try:
        binding = find(alias)
    except KeyNotBound:
        return None, None
    return binding.rpm, binding.tpm
