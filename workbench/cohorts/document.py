"""A spec's words: what stands in the file, checked in shape but not yet applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from workbench.cohorts.columns import nearest
from workbench.cohorts.includes import MARK, Listing, included, included_name, inline
from workbench.errors import BadReplicate, Problems, WorkbenchError
from workbench.ids import checked_replicate
from workbench.reading import Faults, Located

TOP: Final = ("axes", "rules", "replicates", "output", "topics", "cycles", "essays")
SECTIONS: Final = ("subsets", "ties", "pairs", "tuples")
OUTPUT: Final = ("field_order", "shuffle", "shuffle_seed", "seed")
BALANCE: Final = ("left", "right", "both")


@dataclass(frozen=True, slots=True)
class TopicSource:
    """The topics of a model as combos, each `cycles` times: cycle c is draft replicate c + 1."""

    name: str
    cycles: int


@dataclass(frozen=True, slots=True)
class EssaySource:
    """Essays that exist already, to be scored again: listed IDs, or the SQL query that names them."""

    ids: tuple[str, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True)
class Subset:
    """Keep only some levels of an axis."""

    axis: str
    keep: Listing | None
    where: str

    @property
    def label(self) -> str:
        """The rule's place in the spec, for messages."""
        return f"rules.subsets.{self.axis}"


@dataclass(frozen=True, slots=True)
class Tie:
    """Keep axes at the same level."""

    name: str
    axes: tuple[str, ...]
    where: str

    @property
    def label(self) -> str:
        """The rule's place in the spec, for messages."""
        return f"rules.ties.{self.name}"


@dataclass(frozen=True, slots=True)
class Bind:
    """Allow only the listed combinations of two axes (a pair) or of several (a tuple)."""

    kind: str
    name: str
    axes: tuple[str, ...]
    items: Listing | None
    where: str
    balance: str = ""

    @property
    def label(self) -> str:
        """The rule's place in the spec, for messages."""
        return f"rules.{self.kind}.{self.name}"


Rule = Subset | Tie | Bind


@dataclass(slots=True)
class Document:
    """Everything that a spec says, in the order in which it says it; a broken list is None and already noted."""

    located: Located
    axes: dict[str, Listing | None] = field(default_factory=dict)
    unbound: set[str] = field(default_factory=set)
    rules: list[Rule] = field(default_factory=list)
    replicates: dict[str, int] = field(default_factory=dict)
    field_order: tuple[str, ...] = ()
    seed: int | None = None
    topics: TopicSource | None = None
    essays: EssaySource | None = None
    essay_ids: Listing | None = None


class Reader:
    """Turns a parsed spec into a Document; every fault is noted and reading goes on."""

    def __init__(self, located: Located, text_of: Callable[[str, str], str], faults: Faults) -> None:
        """Take the parsed file and what gives an included file's text by its relative name and the place of use."""
        self.located, self.text_of, self.faults = located, text_of, faults
        self.found = Document(located)

    def document(self) -> Document:
        """Read every section."""
        top = self.mapping((), self.located.value)
        self.known((), top, TOP)
        self._axes()
        for section, rules in self.section("rules").items():
            self._rules(section, self.mapping(("rules", section), rules))
        self.known(("rules",), self.section("rules"), SECTIONS)
        self._replicates()
        self._output()
        self._topics(top)
        self._essays(top)
        if not (self.found.axes or self.found.rules or self.found.topics or "essays" in top):
            self.fault((), "no axes", "give it axes: {name: [level, …]}")
        return self.found

    def fault(self, keys: tuple[object, ...], detail: str, mend: str) -> None:
        """Note a fault of what stands under a key path."""
        path = ".".join(str(key) for key in keys)
        self.faults.note(f"{path}: {detail}" if path else detail, self.located.where(*keys), mend)

    def mapping(self, keys: tuple[object, ...], value: Any) -> dict[str, Any]:
        """Give a mapping as it is, and an empty one (noted) for anything else."""
        if isinstance(value, dict):
            return value
        self.fault(keys, "it must be a mapping", "write name: value lines under it")
        return {}

    def section(self, name: str) -> dict[str, Any]:
        """Give a top-level mapping that may be missing."""
        top = self.located.value
        value = top.get(name) if isinstance(top, dict) else None
        return {} if value is None else self.mapping((name,), value)

    def known(self, keys: tuple[object, ...], found: Mapping[str, Any], known: tuple[str, ...]) -> None:
        """Note every key that has no meaning."""
        for key in found:
            if key not in known:
                self.fault((*keys, key), f"unknown key{nearest(key, known)}", f"use {', '.join(known)}")

    def listing(self, *keys: object) -> Listing | None:
        """Give the list under a key path, inline or included; None when broken, which is noted."""
        value: Any = self.located.value
        for key in keys:
            value = value[key]
        if not (isinstance(value, str) and value.startswith(MARK)):
            found = inline(self.located, *keys)
            if found is None:
                self.fault(keys, "it must be a list", f"write [a, b] or '{MARK}NAME.csv'")
            return found
        try:
            where = self.located.where(*keys)
            name = included_name(value, where)
            return included(self.text_of(name, where), str(PurePath(self.located.source).parent / name))
        except Problems as several:
            for error in several.errors:
                self.faults.add(error)
        except WorkbenchError as error:
            self.faults.add(error)
        return None

    def names(self, keys: tuple[object, ...], value: Any) -> tuple[str, ...]:
        """Give a list of names, and nothing (noted) for anything else."""
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            if len(set(value)) < len(value):
                self.fault(keys, "a name stands twice", "name each once")
            return tuple(dict.fromkeys(value))
        self.fault(keys, "it must be a list of names", "write [one, two]")
        return ()

    def whole(self, keys: tuple[object, ...], value: Any) -> int:
        """Give a whole number ≥ 1, and 1 (noted) for anything else."""
        try:
            return checked_replicate(value)
        except BadReplicate as error:
            self.fault(keys, f"it must be a whole number of at least 1, {error.detail}", "write 1, 2, 3 …")
            return 1

    def _axes(self) -> None:
        for name, value in self.section("axes").items():
            if value is None:
                self.found.unbound.add(name)
            self.found.axes[name] = None if value is None else self.listing("axes", name)

    def _rules(self, section: str, rules: Mapping[str, Any]) -> None:
        for name, value in rules.items():
            keys = ("rules", section, name)
            if section == "subsets":
                self.found.rules.append(Subset(name, self.listing(*keys), self.located.where(*keys)))
            elif section in SECTIONS:
                self.found.rules.extend(self._rule(section, name, self.mapping(keys, value)))

    def _rule(self, section: str, name: str, value: Mapping[str, Any]) -> Iterator[Rule]:
        keys = ("rules", section, name)
        needed = {"ties": ("axes",), "pairs": ("left", "right", "allowed"), "tuples": ("axes", "items")}[section]
        self.known(keys, value, (*needed, "balance") if section == "pairs" else needed)
        if missing := [key for key in needed if value.get(key) is None]:
            self.fault(keys, f"no {', '.join(missing)}", f"a rule of {section} needs {', '.join(needed)}")
            return
        where = self.located.where(*keys)
        if section == "pairs":
            axes = self.names(keys, [value["left"], value["right"]])
            allowed, balance = self.listing(*keys, "allowed"), value.get("balance")
            if balance not in (None, *BALANCE):
                self.fault((*keys, "balance"), f"it is {balance!r}", f"use {', '.join(BALANCE)}")
            yield Bind(section, name, axes, allowed, where, balance if balance in BALANCE else "")
        elif section == "ties":
            yield Tie(name, self.names((*keys, "axes"), value["axes"]), where)
        else:
            axes = self.names((*keys, "axes"), value["axes"])
            yield Bind(section, name, axes, self.listing(*keys, "items"), where)

    def _replicates(self) -> None:
        for axis, value in self.section("replicates").items():
            self.found.replicates[axis] = self.whole(("replicates", axis), value)

    def _output(self) -> None:
        output = self.section("output")
        self.known(("output",), output, OUTPUT)
        if output.get("field_order") is not None:
            self.found.field_order = self.names(("output", "field_order"), output["field_order"])
        seeds = [key for key in ("seed", "shuffle_seed", "shuffle") if output.get(key) is not None]
        for key in seeds:
            self._seed(key, output[key])
        if len([key for key in seeds if not isinstance(output[key], bool)]) > 1:
            self.fault(("output",), f"{' and '.join(seeds)} say the same", "keep one of them")

    def _seed(self, key: str, value: Any) -> None:
        if key == "shuffle" and isinstance(value, bool):
            self.found.seed = (self.found.seed or 0) if value else None
        elif isinstance(value, int) and not isinstance(value, bool):
            self.found.seed = value
        else:
            self.fault(("output", key), f"it is {str(value)[:40]!r}", "write a whole number")

    def _topics(self, top: Mapping[str, Any]) -> None:
        cycles = 1 if top.get("cycles") is None else self.whole(("cycles",), top["cycles"])
        name = top.get("topics")
        if isinstance(name, str) and name.strip():
            self.found.topics = TopicSource(name.strip(), cycles)
        elif "topics" in top:
            self.fault(("topics",), "it must be the name of a topic model", "write topics: NAME")
        elif "cycles" in top:
            self.fault(("cycles",), "cycles of no topics", "add topics: NAME")

    def _essays(self, top: Mapping[str, Any]) -> None:
        value = top.get("essays")
        if isinstance(value, dict):
            self.known(("essays",), value, ("query",))
            query = value.get("query")
            if isinstance(query, str) and query.strip():
                self.found.essays = EssaySource(query=query.strip())
            else:
                self.fault(("essays",), "no query", "write essays: {query: SELECT …} or a list of IDs")
        elif "essays" in top:
            self.found.essay_ids = self.listing("essays")
