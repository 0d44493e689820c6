"""A template: prompt text of one stage, and how the answer to it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from workbench.ids import json_hash

Scale = tuple[float, float]
STAGES: Final = ("draft", "essay", "evaluation", "topics")
MODES: Final = ("llm", "copy")
DEFAULT_SCALE: Final[Scale] = (0.0, 9.0)  # of evaluations that state none

_ABOUT: Final = frozenset({"topic", "path", "path_text", "concepts", "combo_id", "cycle", "replicate"})
OFFERED: Final[Mapping[str, frozenset[str]]] = {
    "draft": _ABOUT,
    "essay": _ABOUT | {"draft_block", "links_block"},
    "evaluation": frozenset({"response", "replicate"}),
    "topics": frozenset(
        {"topic", "path", "path_text", "degree", "depth", "prompt", "system_prompt", "siblings", "existing"}
    ),
}


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt of one stage as Jinja2 text, with its mode (`llm` or `copy`), parser and system prompt.

    `minimum_lines` counts non-blank lines of an answer, `scale` is (lowest, highest) of a score, `schema` a JSON
    Schema for structured output. `origin` and `line` say where the text begins, for messages only.
    """

    name: str
    stage: str
    text: str
    mode: str = "llm"
    parser: str = ""
    system: str = ""
    minimum_lines: int = 0
    scale: Scale | None = None
    schema: Mapping[str, object] | None = field(default=None, hash=False)
    description: str = ""
    origin: str = field(default="", compare=False)
    line: int = field(default=1, compare=False)

    @property
    def hash(self) -> str:
        """The content hash of all that shapes a prompt and the reading of its answer."""
        scale = None if self.scale is None else [float(end) for end in self.scale]
        facts = [self.text, self.mode, self.parser, self.system, self.minimum_lines, scale, self.schema]
        return json_hash(facts)

    def where(self, line: int = 1, *, system: bool = False) -> str:
        """Give `file:line` of a 1-based line of the text, or of the system prompt."""
        place = self.origin or f"{self.stage}/{self.name}"
        return f"{place}, system prompt:{line}" if system else f"{place}:{self.line + line - 1}"
