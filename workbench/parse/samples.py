"""Training samples: conversations, question and answer, instruction pairs. The text is canonical JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.ids import canonical_json
from workbench.parse.extract import found_json
from workbench.parse.outcome import Options, Parsed, Unreadable, shown

ROLES: Final = ("system", "developer", "user", "assistant", "tool")


def chat(raw: str, options: Options) -> Parsed:
    """Read {"messages": [{role, content}…]}, optional question, final_answer, reasoning {style, content}.

    Structured answers leave the messages out: then question and final_answer (or answer) are the conversation.
    """
    value = found_json(raw)
    sample = {"messages": value} if isinstance(value, list) else _object(value, "a chat sample", "bad_chat")
    if "messages" not in sample:
        sample = _as_conversation(sample)
    _check_messages(sample.get("messages"))
    for name in ("question", "final_answer"):
        if not isinstance(sample.get(name, ""), (str, type(None))):
            raise Unreadable("bad_chat", f"{name} is not a text")
    if (reasoning := sample.get("reasoning")) is not None:
        _check_reasoning(reasoning)
    return Parsed(canonical_json(sample), "ok")


def _as_conversation(sample: dict[str, Any]) -> dict[str, Any]:
    turns = (("user", sample.get("question")), ("assistant", sample.get("final_answer", sample.get("answer"))))
    if not all(isinstance(text, str) for _, text in turns):
        raise Unreadable("bad_chat", "neither messages nor a question with its final_answer")
    return {"messages": [{"role": role, "content": text} for role, text in turns], **sample}


def _object(value: Any, what: str, outcome: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(outcome, f"{what} is a JSON object, not {shown(value, 30)}")
    return value


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise Unreadable("bad_chat", "messages is not a list of messages")
    roles = [_role(message, number) for number, message in enumerate(messages, 1)]
    if "user" not in roles or "assistant" not in roles:
        raise Unreadable("bad_chat", "the messages need one of the user and one of the assistant")
    if any(role in ("system", "developer") for role in roles[1:]):
        raise Unreadable("bad_chat", "a system message stands after the first message")


def _role(message: Any, number: int) -> str:
    item = _object(message, f"message {number}", "bad_chat")
    role, content = item.get("role"), item.get("content")
    if role not in ROLES:
        raise Unreadable("bad_chat", f"message {number}: role {shown(role, 30)} is none of {', '.join(ROLES)}")
    if item.get("tool_calls") and content is None:
        return str(role)
    if not isinstance(content, str) or not content.strip():
        raise Unreadable("bad_chat", f"message {number}: content is no text")
    return str(role)


def _check_reasoning(reasoning: Any) -> None:
    item = _object(reasoning, "reasoning", "bad_chat")
    if not isinstance(item.get("style", ""), (str, type(None))):
        raise Unreadable("bad_chat", "reasoning.style is not a text")
    content = item.get("content")
    if not isinstance(content, (str, list)) or not content:
        raise Unreadable("bad_chat", "reasoning.content is neither a text nor a list of steps")


def question_answer(raw: str, options: Options) -> Parsed:
    """Read {"question", "answer"}; other keys are kept."""
    sample = _object(found_json(raw), "a question/answer sample", "bad_qa")
    _check_texts(sample, ("question", "answer"), "bad_qa")
    return Parsed(canonical_json(sample), "ok")


def instruction(raw: str, options: Options) -> Parsed:
    """Read {"instruction", "input", "output"}; input may be empty or missing, other keys are kept."""
    sample = _object(found_json(raw), "an instruction sample", "bad_instruction")
    _check_texts(sample, ("instruction", "output"), "bad_instruction")
    if not isinstance(given := sample.get("input") or "", str):
        raise Unreadable("bad_instruction", "input is not a text")
    return Parsed(canonical_json({**sample, "input": given}), "ok")


def _check_texts(sample: Mapping[str, Any], names: tuple[str, ...], outcome: str) -> None:
    for name in names:
        if not isinstance(value := sample.get(name), str) or not value.strip():
            raise Unreadable(outcome, f"{name} is missing or no text")
