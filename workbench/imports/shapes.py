"""Rows of other programs' datasets as texts: conversations, ShareGPT, Alpaca, prompt and response. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from workbench.errors import BadRow
from workbench.exports.samples import is_chat
from workbench.ids import canonical_json
from workbench.parse import parse
from workbench.providers.texts import cleaned

Value = Mapping[str, Any]
_ROLES: Final = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
}
_PROMPTS: Final = ("prompt", "question", "input")
_RESPONSES: Final = ("response", "completion", "answer", "output")
_MEND: Final = (
    'a row has "messages", "conversations", "instruction" and "output", or one of '
    f"{', '.join(_PROMPTS)} with one of {', '.join(_RESPONSES)}"
)


class Text(NamedTuple):
    """An imported text: as it came, as it was read, and the prompt if the file has it."""

    raw: str
    parsed: str
    prompt: str | None = None
    system: str = ""
    synthetic: bool = False


class Shaped(NamedTuple):
    """A row as a text, with what it says of its place: topic as the file names it, 0-based cycle if told.

    `kind` is chat, reasoned, instruction, or empty for plain text; `metadata` is what to keep verbatim beside the
    text; `doubt` says what is unusual about it.
    """

    kind: str
    text: Text
    topic_id: str | None
    cycle: int | None
    metadata: str
    doubt: str = ""


def verbatim(value: object) -> str:
    """Write JSON as it was read, escaping only what cannot be stored."""
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if cleaned(text)[1] else text


def shaped(raw: str, value: Value) -> Shaped:
    """Recognise a row's shape; raises BadRow when it has none that is known."""
    for fits, read in _SHAPES:
        if fits(value):
            return read(raw, value)
    raise BadRow(f"no sample: the keys are {', '.join(map(repr, value))}"[:200], mend=_MEND)


def chat_shaped(raw: str, value: Value) -> Shaped:
    """Take a conversation: the line itself is the raw text, whatever else it holds."""
    parsed, doubt = _read("chat", raw, value)
    text = Text(raw, parsed, synthetic=_label(value, "synthetic") is True)
    kind = "reasoned" if value.get("reasoning") else "chat"
    return Shaped(kind, text, *_where(value), verbatim(value.get("metadata")), doubt)


def _read(parser: str, raw: str, value: Value) -> tuple[str, str]:
    """Parse a sample; one that another program took for good stays a sample, whatever our parser thinks."""
    found = parse(parser, raw.replace("</think>", "<\\/think>"))  # in JSON the same, and no end of a thought
    if found.text is not None:
        return found.text, ""
    return cleaned(canonical_json(value))[0], found.detail


def _label(value: Value, name: str) -> object:
    """Give a label of a row, from its metadata or from the row itself."""
    metadata = value.get("metadata")
    return metadata[name] if isinstance(metadata, dict) and name in metadata else value.get(name)


def _where(value: Value) -> tuple[str | None, int | None]:
    topic, cycle = _label(value, "topic_id"), _label(value, "cycle")
    known = type(cycle) is int and 0 <= cycle < 2**62
    return (topic if isinstance(topic, str) and topic else None), (cycle if known else None)  # type: ignore[return-value]


def _sharegpt(raw: str, value: Value) -> Shaped:
    messages = [_message(turn) for turn in value["conversations"]]
    kept = {key: item for key, item in value.items() if key != "conversations"}
    chat = canonical_json({**kept, "messages": messages})
    found = chat_shaped(cleaned(chat)[0], {**kept, "messages": messages})
    return found._replace(metadata=raw)


def _message(turn: object) -> dict[str, Any]:
    speaker = turn.get("from", turn.get("role")) if isinstance(turn, dict) else None
    said = turn.get("value", turn.get("content")) if isinstance(turn, dict) else None
    if not isinstance(said, str) or not isinstance(speaker, str) or speaker.lower() not in _ROLES:
        raise BadRow("a turn is no from and value", mend=f'"from" is one of {", ".join(_ROLES)}')
    role = _ROLES[speaker.lower()]
    if speaker == "function_call":
        return {"role": role, "content": None, "tool_calls": _calls(said)}
    return {"role": role, "content": said}


def _calls(said: str) -> list[Any]:
    try:
        calls = json.loads(said)
    except (ValueError, RecursionError):
        calls = said
    return calls if isinstance(calls, list) else [calls]


def _alpaca(raw: str, value: Value) -> Shaped:
    parsed, doubt = _read("instruction", raw, value)
    text = Text(raw, parsed, synthetic=_label(value, "synthetic") is True)
    return Shaped("instruction", text, *_where(value), verbatim(value.get("metadata")), doubt)


def _pair(raw: str, value: Value) -> Shaped:
    prompt, response = (next(value[name] for name in names if name in value) for names in (_PROMPTS, _RESPONSES))
    if not isinstance(prompt, str) or not isinstance(response, str) or not response.strip():
        raise BadRow("prompt and response are not both texts", mend="give both as text")
    system = value.get("system")
    given = cleaned(system)[0] if isinstance(system, str) else ""
    answer = cleaned(response)[0]
    text = Text(answer, answer, cleaned(prompt)[0], given, _label(value, "synthetic") is True)
    return Shaped("", text, *_where(value), raw)


def _lineage(raw: str, value: Value) -> Shaped:
    """Take a row of our own plain export, which says where it belongs."""
    told = {name: item for name, item in value.items() if isinstance(item, str)}
    parsed = told.get("parsed", told["raw"])
    text = Text(told["raw"], parsed, told.get("prompt"), told.get("system", ""), value.get("synthetic") is True)
    kind = "chat" if is_chat(parsed) else ""
    return Shaped(kind, text, told.get("leaf_uuid"), _where(value)[1], raw)


def _is_lineage(value: Value) -> bool:
    return all(isinstance(value.get(name), str) for name in ("gen_id", "combo_id", "raw"))


def _is_chat(value: Value) -> bool:
    messages = value.get("messages")
    return isinstance(messages, list) and any(isinstance(message, dict) for message in messages)


def _is_pair(value: Value) -> bool:
    return any(name in value for name in _PROMPTS) and any(name in value for name in _RESPONSES)


_SHAPES: Final[tuple[tuple[Callable[[Value], bool], Callable[[str, Value], Shaped]], ...]] = (
    (_is_lineage, _lineage),
    (_is_chat, chat_shaped),
    (lambda value: isinstance(value.get("conversations"), list), _sharegpt),
    (lambda value: all(isinstance(value.get(name), str) for name in ("instruction", "output")), _alpaca),
    (_is_pair, _pair),
)
