"""JSON Schemas of structured samples: the parser `chat` makes the conversation of their fields."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    """Give an object whose properties are all required, as strict structured output wants it."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


QUESTION: Final = _object(question=_TEXT, final_answer=_TEXT)
REASONED: Final = _object(question=_TEXT, reasoning=_object(style=_TEXT, content=_TEXT), final_answer=_TEXT)
PAIR: Final = _object(instruction=_TEXT, input=_TEXT, output=_TEXT)
