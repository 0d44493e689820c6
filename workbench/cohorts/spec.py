"""A cohort's spec: one YAML or JSON file and the lists beside it, kept as texts from which it can be rebuilt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.cohorts.checks import check_design
from workbench.cohorts.document import Document, EssaySource, Reader, TopicSource
from workbench.cohorts.factors import Factor
from workbench.cohorts.faults import spec_faults
from workbench.cohorts.includes import document, fetch
from workbench.cohorts.rules import Assembly, Essays, Topics
from workbench.errors import BadSpec
from workbench.ids import content_hash
from workbench.reading import text_file

MAX_INCLUDED: Final = 256 * 2**20  # characters, of all included files together


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec that was read and found good, with the texts that it was read from."""

    source: str
    text: str
    files: Mapping[str, str]
    document: Document
    factors: tuple[Factor, ...]

    @property
    def hashes(self) -> dict[str, str]:
        """The content hash of every included file's text, by its name relative to the spec."""
        return {name: content_hash(text) for name, text in self.files.items()}

    @property
    def text_hash(self) -> str:
        """The content hash of the spec's own text."""
        return content_hash(self.text)

    @property
    def seed(self) -> int | None:
        """The seed of the shuffle that the spec asks for, if any."""
        return self.document.seed

    @property
    def topics(self) -> TopicSource | None:
        """The topic model whose topics are the combos, if it names one."""
        return self.document.topics

    @property
    def essays(self) -> EssaySource | None:
        """The existing essays that are to be scored again, if it names any."""
        listing = self.document.essay_ids
        if listing is None:
            return self.document.essays
        ids = [factor for factor in self.factors if "essay_gen_id" in factor.columns]
        columns = [(f, f.columns.index("essay_gen_id")) for f in ids]
        return EssaySource(tuple({level[n]: None for f, n in columns for level in f.levels or ()}))


def read_spec(path: Path | str) -> Spec:
    """Read a spec and every file that it includes. Raises BadSpec, BadFile, or Problems with all of them."""
    source = Path(path)
    files: dict[str, str] = {}

    def text_of(name: str, where: str) -> str:
        if name not in files:
            files[name] = fetch(source.parent, name, where)
        if sum(map(len, files.values())) > MAX_INCLUDED:
            raise BadSpec("the included files are too large together", where=where, mend="include less")
        return files[name]

    return _spec(text_file(source), files, str(source), text_of)


def spec_from_texts(text: str, files: Mapping[str, str] | None = None, source: str = "spec.yaml") -> Spec:
    """Rebuild a spec from its own text and those of its included files, by name relative to the spec.

    `source` names the spec in messages; a name that ends in .json says that the text is JSON. Raises as read_spec.
    """
    texts = dict(files or {})

    def text_of(name: str, where: str) -> str:
        if name not in texts:
            raise BadSpec(f"the included file {name} is not there", where=where, mend="give its text too")
        return texts[name]

    return _spec(text, texts, source, text_of)


def assembled(spec: Spec, topics: Topics | None, essays: Essays | None) -> tuple[Factor, ...]:
    """Give a spec's factors with its sources resolved. Raises BadSpec, or Problems."""
    if not ((spec.topics and topics) or (spec.document.essays and essays)):
        return spec.factors
    faults = spec_faults()
    factors = Assembly(spec.document, faults).apply(topics, essays)
    check_design(spec.document, factors, faults)
    faults.raise_any()
    return factors


def _spec(text: str, files: dict[str, str], source: str, text_of: Callable[[str, str], str]) -> Spec:
    faults = spec_faults()
    found = Reader(document(text, source), text_of, faults).document()
    factors = Assembly(found, faults).apply(None, None)
    check_design(found, factors, faults)
    faults.raise_any()
    return Spec(source, text, files, found, factors)
