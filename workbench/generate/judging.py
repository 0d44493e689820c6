"""From an answer to what is kept of it: parse the text and put a name to what is wrong."""

from __future__ import annotations

from typing import Any

from workbench.parse import parse
from workbench.prompts import Template
from workbench.providers import Answer
from workbench.record.answers import Result


def judge(answer: Answer, template: Template, *, synthetic: bool) -> Result:
    """Judge an answer with a text by its template's parser; a parser that breaks loses nothing but its verdict."""
    facts = {"lossy": answer.lossy, "synthetic": synthetic, "finish_reason": answer.finish_reason}
    tokens = {"tokens_in": answer.tokens_in, "tokens_out": answer.tokens_out}
    return judge_text(answer.text or "", template, truncated=answer.outcome == "truncated", **facts, **tokens)


def judge_text(text: str, template: Template, *, truncated: bool = False, **facts: Any) -> Result:
    """Parse a raw text by its template; `facts` are the other fields of its Result."""
    try:
        parsed = parse(
            template.parser,
            text,
            minimum_lines=template.minimum_lines,
            truncated=truncated,
            schema=template.schema,
            scale=template.scale,
        )
    except Exception as error:  # somebody else's parser: the paid text is kept all the same
        detail = f"{type(error).__name__}: {error}"[:500]
        return Result("parser_broke", text, None, detail, truncated=truncated, **facts)
    scored = template.stage == "evaluation"  # whatever a parser finds in a draft or an essay, it is no score
    return Result(
        parsed.outcome,
        text,
        parsed.text,
        parsed.detail or None,
        truncated=truncated,
        score=parsed.score if scored else None,
        scale=parsed.scale if scored else None,
        **facts,
    )


def unusable(answer: Answer, outcome: str, *, synthetic: bool) -> Result:
    """Keep an answer that was paid for but cannot be used, with whatever text it has."""
    return Result(
        outcome=outcome,
        raw=answer.text,
        parsed=None,
        detail=answer.error,
        lossy=answer.lossy,
        synthetic=synthetic,
        finish_reason=answer.finish_reason,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
    )
