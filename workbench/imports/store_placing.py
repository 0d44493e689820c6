"""Where a store's generation belongs: its links, its state, whether its ID is the function of its signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from workbench.ids import Scheme
from workbench.imports.legacy import PARENT, Finding, Recorded, is_id_of, is_orphan_copy, missing_fields
from workbench.imports.store_files import Folder
from workbench.imports.store_known import Generation, Known
from workbench.imports.store_lookup import Lookup
from workbench.providers.texts import one_line

Key = tuple[str, str, str]
_STATES: Final = ("planned", "blocked", "failed")
_LINKS: Final = ("combo_id", "parent_id", "template_id", "model_id", "replicate", "origin_cohort_id")


class Placement(NamedTuple):
    """The values of a generation's row, its parent, and whether its state stands whatever its answers say."""

    values: dict[str, Any]
    parent: Generation | None = None
    firm: bool = False

    @property
    def is_blocked(self) -> bool:
        """Whether it could not be placed."""
        return self.firm and self.values["legacy"] == 1 and self.values["status"] == "blocked"


class Placing:
    """Finds places for generations, a stage after the stage of its parents."""

    def __init__(self, scheme: Scheme, known: Known, names: Lookup) -> None:
        """Judge IDs under the project's scheme."""
        self._scheme, self._known, self._names = scheme, known, names
        self._copies: dict[Key, str] = {}  # essays by what copies say of their origin; empty: several

    def place(self, stage: str, folder: Folder, recorded: Recorded | None, own: Mapping[str, Any]) -> Placement:
        """Give a generation's place; what stands against it is the folder's last finding, and the reason.

        `own` is what our own export says of its state.
        """
        values: dict[str, Any] = {"gen_id": folder.name, "stage": stage, **dict.fromkeys(_LINKS), "legacy": 1}
        values |= {"place": _number(own.get("place")), "synthetic": int(own.get("synthetic") is True)}
        if recorded is None:
            return Placement(values | _state("blocked", folder.findings[-1].code), firm=True)
        self._remember(recorded)
        self._link(values, recorded)
        parent, reason = self._parent(recorded, folder)
        values["parent_id"] = parent and parent.id
        reason = missing_fields(recorded) or reason
        if reason:
            folder.findings.append(reason)
            return Placement(values | _state("blocked", reason.code), parent, firm=True)
        self._judge(values, recorded, parent)
        state, firm = _told(own), True
        if state is None:
            state, firm = _due(values, parent), False
        return Placement(values | state, parent, firm)

    def review(self, folder: Folder, recorded: Recorded) -> None:
        """Say again what stands against the place of a generation that is here already."""
        self._remember(recorded)
        _, reason = self._parent(recorded, folder)
        reason = missing_fields(recorded) or reason
        folder.findings.extend([reason] if reason else [])

    def _link(self, values: dict[str, Any], recorded: Recorded) -> None:
        names = self._names
        if recorded.stage == "draft":
            values["combo_id"] = names.combo(recorded.combo)
        values["template_id"] = names.template(recorded.stage, recorded.template)
        values["model_id"] = names.model(recorded.model)
        values["replicate"] = recorded.replicate
        values["origin_cohort_id"] = names.cohort(recorded.cohort)

    def _parent(self, recorded: Recorded, folder: Folder) -> tuple[Generation | None, Finding | None]:
        """Find the parent, and the reason why the row is blocked when there is none. Nothing is guessed."""
        if recorded.stage not in PARENT:
            return None, None
        found, exact = self._known.resolve(PARENT[recorded.stage], recorded.parent) if recorded.parent else ([], True)
        if len(found) == 1:
            parent = found[0]
            if not exact:
                folder.findings.append(
                    Finding("warning", "parent_case_mismatch", f"{recorded.parent} -> {parent.gen_id}")
                )
            blocked = Finding("error", "parent_blocked", parent.gen_id) if parent.is_unplaced else None
            return parent, blocked
        if is_orphan_copy(recorded):
            folder.findings.append(Finding("error", "copy_parent_not_a_generation", recorded.parent))
            return None, None
        return None, self._orphan(recorded, found)

    def _orphan(self, recorded: Recorded, found: list[Generation]) -> Finding:
        if not recorded.parent:
            suggested = self._copies.get((recorded.combo, recorded.draft_template, recorded.essay_template), "")
            return Finding("error", "parent_id_absent", f"suggested_parent={suggested}")
        if found:
            several = ", ".join(one.gen_id for one in found)
            return Finding("error", "parent_ambiguous", f"{recorded.parent} -> {several}")
        return Finding("error", "parent_missing", one_line(recorded.parent))

    def _remember(self, recorded: Recorded) -> None:
        if recorded.stage == "essay" and recorded.draft_template:
            key = (recorded.combo, recorded.draft_template, recorded.template)
            self._copies[key] = "" if key in self._copies else recorded.gen_id

    def _judge(self, values: dict[str, Any], recorded: Recorded, parent: Generation | None) -> None:
        """Say whether the ID is the function of the signature; without a recorded replicate that is the first."""
        first = recorded.combo if recorded.stage == "draft" else parent.gen_id if parent else ""
        model = () if recorded.stage == "essay" else (recorded.model,)
        fields, replicate = (first, recorded.template, *model), recorded.replicate or 1
        if is_id_of(self._scheme, recorded.gen_id, recorded.stage, fields, replicate):
            values |= {"legacy": 0, "replicate": replicate}


def _state(status: str, outcome: str | None = None, ready: int = 0) -> dict[str, Any]:
    return {"status": status, "outcome": outcome, "ready": ready}


def _told(own: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the state that our own export tells, where answers alone do not tell it."""
    if own.get("status") not in _STATES:
        return None
    outcome = own.get("outcome")
    ready = own["status"] == "planned" and own.get("ready") is True
    return _state(str(own["status"]), one_line(outcome)[:100] if isinstance(outcome, str) else None, int(ready))


def _due(values: Mapping[str, Any], parent: Generation | None) -> dict[str, Any]:
    """Give the state of a task without answers: legacy ones wait for a migration."""
    if values["legacy"] or parent is None:
        return _state("planned", ready=int(not values["legacy"]))
    if parent.status == "failed" or parent.outcome == "parent_failed":
        return _state("blocked", "parent_failed")
    return _state("planned", ready=int(parent.status == "done"))


def _number(value: object) -> int:
    return value if type(value) is int and 0 <= value < 2**53 else 0
