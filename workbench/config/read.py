"""Reading a configuration: known keys only, strict types, every error at once with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workbench.config import checks
from workbench.config.keys import CONFIG, ELSEWHERE, Section
from workbench.config.sections import Config
from workbench.errors import BadConfig, WorkbenchError, raise_all
from workbench.reading import Located, yaml_file

Place = tuple[str, ...]


def read_config(path: Path | str) -> Config:
    """Read a configuration file. Raises BadFile, or BadConfig for each unknown key and bad value, together."""
    located = yaml_file(path)
    walk = _Walk(located)
    values = walk.section(CONFIG, located.value, ())
    raise_all(walk.errors)
    config: Config = CONFIG.becomes(source=str(path), located=located, **values)
    return config


@dataclass(slots=True)
class _Walk:
    """One walk through a file's sections, and the errors met on it."""

    located: Located
    errors: list[WorkbenchError] = field(default_factory=list)

    def section(self, section: Section, value: Any, at: Place) -> dict[str, Any]:
        """Check a section and give its values by field."""
        known = f"known here: {', '.join(section.keys)}"
        if not isinstance(value, dict):
            self._wrong(at, f"{'.'.join(at) or 'the file'} is {checks.shown(value)}, not a section", known)
            return {}
        found: dict[str, Any] = {}
        for key, given in value.items():
            place = (*at, key)
            if key not in section.keys:
                self._wrong(place, f"unknown key {'.'.join(place)!r:.80}", _advice(section, place) or known)
            elif given is not None:
                self._keep(found, section.aliases.get(key, key), self._value(section, given, place), place)
        for key in section.required:
            if value.get(key) is None:
                self._wrong(at, f"{'.'.join((*at, key))} is missing", f"add `{key}: …`")
        return found

    def _value(self, section: Section, given: Any, place: Place) -> Any:
        """Check one value; None when it is wrong."""
        rule, before = section.keys[place[-1]], len(self.errors)
        if isinstance(rule, Section):
            values = self.section(rule, given, place)
            return rule.becomes(**values) if len(self.errors) == before else None
        try:
            return rule(given)
        except ValueError as wanted:
            self._wrong(place, f"{'.'.join(place)} is {checks.shown(given)}", f"give {wanted}")
            return None

    def _keep(self, found: dict[str, Any], name: str, value: Any, place: Place) -> None:
        """Keep a value under its field's name; a field with two names must have one value."""
        if value is not None and found.setdefault(name, value) != value:
            detail = f"{'.'.join(place)} is {value!r}, but its other name says {found[name]!r}"
            self._wrong(place, detail, "keep one of the two")

    def _wrong(self, place: Place, detail: str, mend: str) -> None:
        self.errors.append(BadConfig(detail, where=self.located.where(*place), mend=mend))


def _advice(section: Section, place: Place) -> str:
    """Say what to do with an unknown key: what DeepFabric's stands for here, the nearest key, or its section."""
    if place in ELSEWHERE:
        return ELSEWHERE[place]
    key = place[-1]
    if near := get_close_matches(key.lower().replace("-", "_"), section.keys, 1):
        return f"did you mean {near[0]!r}?"
    homes = [name for name, other in CONFIG.keys.items() if isinstance(other, Section) and key in other.keys]
    return f"it belongs under {' or '.join(homes)}" if homes else ""
