"""A finished text as a training sample: a conversation, and that in the shapes that trainers read. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from workbench.ids import canonical_json, json_hash

Sample = dict[str, Any]
Message = dict[str, Any]
_BRIEFING: Final = ("system", "developer")
_SPEAKERS: Final = {**dict.fromkeys(_BRIEFING, "system"), "user": "human", "assistant": "gpt", "tool": "observation"}


def chat_sample(text: str, prompt: str | None = None, system: str | None = None) -> Sample:
    """Give a parsed text as a sample in DeepFabric's shape: `messages`, and what else the text has.

    A conversation stays one; question and answer, and instruction and output, become one; any other text is the
    answer to its prompt.
    """
    value = _object(text)
    if isinstance(value.get("messages"), list):
        return value
    if _texts(value, "question", "answer"):
        messages = _turn(system, value["question"], value["answer"])
        rest = {key: item for key, item in value.items() if key not in ("question", "answer")}
        return {"messages": messages, "question": value["question"], "final_answer": value["answer"], **rest}
    if _texts(value, "instruction", "output"):
        return {"messages": _turn(system, _asked(value), value["output"])}
    return {"messages": _turn(system, prompt, text)}


def is_chat(text: str) -> bool:
    """Say whether a parsed text is a conversation by itself."""
    return isinstance(_object(text).get("messages"), list)


def _object(text: str) -> Sample:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _texts(value: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(value.get(name), str) for name in names)


def _asked(value: Mapping[str, Any]) -> str:
    given = value.get("input")
    return f"{value['instruction']}\n\n{given}" if isinstance(given, str) and given else str(value["instruction"])


def _turn(system: str | None, asked: str | None, answered: str) -> list[Message]:
    roles = {"system": system, "user": asked, "assistant": answered}
    return [{"role": role, "content": content} for role, content in roles.items() if content]


def without_system(sample: Sample) -> Sample:
    """Give a sample without its system message."""
    return {**sample, "messages": [m for m in messages(sample) if m.get("role") not in _BRIEFING]}


def messages(sample: Mapping[str, Any]) -> list[Message]:
    """Give the messages of a sample that are objects."""
    found = sample.get("messages")
    return [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []


def plain_messages(sample: Sample) -> list[Message]:
    """Give the messages of a sample with nothing but role and content; calls of tools become JSON in the content."""
    return [{"role": str(m.get("role")), "content": _said(m)["value"]} for m in messages(sample)]


def sharegpt(sample: Sample) -> Sample:
    """Give a sample in ShareGPT's shape: {"conversations": [{"from", "value"}…]}."""
    return {"conversations": [_said(message) for message in messages(sample)]}


def _said(message: Message) -> Message:
    content, calls = message.get("content"), message.get("tool_calls")
    if calls and not content:
        return {"from": "function_call", "value": canonical_json(calls)}
    return {"from": _SPEAKERS.get(str(message.get("role")), str(message.get("role"))), "value": _plain(content)}


def _plain(content: object) -> str:
    return content if isinstance(content, str) else "" if content is None else canonical_json(content)


def alpaca(text: str, sample: Sample) -> Sample:
    """Give a sample in Alpaca's shape: {"instruction", "input", "output"}; earlier turns go to "history".

    `text` is the parsed text, which may have this shape already; `sample` is the same as a conversation.
    """
    value = _object(text)
    if _texts(value, "instruction", "output"):
        return {"instruction": value["instruction"], "input": _plain(value.get("input")), "output": value["output"]}
    turns = _turns(sample)
    asked, answered = turns[-1] if turns else ("", "")
    earlier = {"history": [list(turn) for turn in turns[:-1]]} if len(turns) > 1 else {}
    return {"instruction": asked, "input": "", "output": answered, **earlier}


def _turns(sample: Sample) -> list[tuple[str, str]]:
    """Pair what was asked with what was answered; several messages of one side are put together."""
    turns: list[tuple[list[str], list[str]]] = []
    for message in messages(sample):
        if message.get("role") in _BRIEFING:
            continue
        answers = message.get("role") != "user"
        if not turns or (not answers and turns[-1][1]):
            turns.append(([], []))
        turns[-1][answers].append(_said(message)["value"])
    return [("\n\n".join(asked), "\n\n".join(answered)) for asked, answered in turns]


def sample_key(sample: Mapping[str, Any]) -> str:
    """Hash all that a sample says, but for its metadata: equal for the same sample with other labels."""
    return json_hash({key: item for key, item in sample.items() if key != "metadata" and item is not None})


def conversation_key(sample: Mapping[str, Any]) -> str:
    """Hash who says what in a sample, system message aside: equal for the same sample in another shape."""
    return json_hash([message for message in messages(sample) if message.get("role") not in _BRIEFING])
