"""The form of an answer that each parser wants."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from workbench.parse.scores import DEFAULT_SCALE
from workbench.providers.base import Request
from workbench.providers.offline.instances import Instances
from workbench.providers.offline.words import Voice

Hints = Mapping[str, object]
_ASKED: Final = re.compile(r"\b(\d{1,3})\s{1,3}(?:\w{1,20}\s{1,3}){0,3}?(?:sub)?topics\b", re.IGNORECASE)
_NODE: Final = re.compile(r"^[\s*-]{0,6}(?:id\s{0,2}[:=]?\s{0,2})?\[?(\d{1,9})\]?\s{0,2}[:.)|-]", re.M | re.I)
_SCALE: Final = re.compile(r"(-?\d{1,6}(?:\.\d{1,6})?)\s*(?:-|–|to|\.\.)\s*(-?\d{1,6}(?:\.\d{1,6})?)")


def shaped(request: Request, prompt: str, rng: Random) -> str:
    """Write the answer's text for a request."""
    voice = Voice(rng, prompt, request.hints.get("topic"))
    if request.schema is not None and request.hints.get("parser") != "subtopics_graph":  # it links to real topics
        made = Instances(request.schema, voice, rng, _asked(prompt, request.hints)).value(request.schema)
        return json.dumps(made, ensure_ascii=False)
    write = _WRITERS.get(str(request.hints.get("parser") or ""))
    if write is None:
        write = _evaluation if request.hints.get("stage") == "evaluation" else _text
    return write(voice, rng, prompt, request.hints)


def _lines(hints: Hints) -> int:
    wanted = hints.get("minimum_lines")
    return min(wanted, 10_000) if isinstance(wanted, int) and wanted > 0 else 0


def _asked(prompt: str, hints: Hints) -> int:
    """Give how many subtopics are wanted: the hint `degree`, or what the prompt asks for, else three."""
    if isinstance(degree := hints.get("degree"), int) and degree > 0:
        return min(degree, 200)
    found = _ASKED.search(prompt)
    return max(1, min(int(found[1]), 200)) if found else 3


def _text(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    return voice.text(_lines(hints))


def _dumped(value: Any, hints: Hints) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1 if _lines(hints) > 1 else None)


def _chat(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    question, answer = voice.question(), voice.paragraph(3)
    sample: dict[str, Any] = {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        "question": question,
        "final_answer": answer,
    }
    if "reasoning" in prompt:
        sample["reasoning"] = {"style": "freetext", "content": voice.paragraph(2)}
    return _dumped(sample, hints)


def _qa(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    return _dumped({"question": voice.question(), "answer": voice.paragraph(3)}, hints)


def _instruction(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    sample = {"instruction": voice.question(), "input": "", "output": voice.paragraph(3)}
    return _dumped(sample, hints)


def _json(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    return _dumped({"topic": voice.title, "text": voice.paragraph(3)}, hints)


def _subtopics(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    return _dumped({"subtopics": voice.titles(_asked(prompt, hints))}, hints)


def _subtopics_graph(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    nodes = _NODE.findall(prompt)
    made = [{"topic": title, "connections": _linked(rng, nodes)} for title in voice.titles(_asked(prompt, hints))]
    return _dumped({"subtopics": made}, hints)


def _linked(rng: Random, nodes: list[str]) -> list[str]:
    return [rng.choice(nodes)] if nodes and rng.random() < 0.3 else []


def _essay(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    return f"<thinking>\n{voice.sentence()}\n</thinking>\n<essay>\n{voice.text(_lines(hints))}\n</essay>"


def _ideas(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    stages = (f'<essay-idea stage="{n}">\n{voice.text(_lines(hints))}\n</essay-idea>' for n in range(1, 4))
    return "\n\n".join(stages)


def _evaluation(voice: Voice, rng: Random, prompt: str, hints: Hints) -> str:
    lowest, highest = _scale(hints.get("scale"))
    mark = rng.triangular(lowest, highest, lowest + 0.65 * (highest - lowest))
    shown = f"{round(mark)}" if highest - lowest >= 4 else f"{mark:.1f}"
    return f"{voice.text(_lines(hints))}\n\nREASONING: {voice.sentence()}\nSCORE: {shown}"


def _scale(hint: object) -> tuple[float, float]:
    """Read a scale from a pair, a top, or words such as 0-10; 0 to 9 where there is none."""
    if isinstance(hint, str) and (found := _SCALE.search(hint)) is not None:
        hint = (float(found[1]), float(found[2]))
    if isinstance(hint, int | float) and not isinstance(hint, bool) and hint > 0:
        return 0.0, float(hint)
    if isinstance(hint, list | tuple) and len(hint) == 2 and hint[0] < hint[1]:
        return float(hint[0]), float(hint[1])
    return DEFAULT_SCALE


_WRITERS: Final[Mapping[str, Callable[[Voice, Random, str, Hints], str]]] = {
    "chat": _chat,
    "qa": _qa,
    "instruction": _instruction,
    "json": _json,
    "subtopics": _subtopics,
    "subtopics_graph": _subtopics_graph,
    "essay_block": _essay,
    "essay_block_lenient": _essay,
    "essay_idea_last": _ideas,
    "in_last_line": _evaluation,
    "score": _evaluation,
}
