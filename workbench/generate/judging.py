"""From an answer to what is kept of it: parse the text and put a name to what is wrong."""

from __future__ import annotations

from workbench.parse import parse
from workbench.prompts import Template
from workbench.providers import Answer
from workbench.record.answers import Result


def judge(answer: Answer, template: Template, *, synthetic: bool) -> Result:
    """Judge an answer with a text by its template's parser; a parser that breaks loses nothing but its verdict."""
    text = answer.text or ""
    return judge_text(
        text,
        template,
        Result(
            outcome="ok",
            raw=text,
            parsed=None,
            lossy=answer.lossy,
            truncated=answer.outcome == "truncated",
            synthetic=synthetic,
            finish_reason=answer.finish_reason,
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
        ),
    )


def judge_text(text: str, template: Template, known: Result) -> Result:
    """Parse a raw text and complete what is known of its answer."""
    try:
        parsed = parse(
            template.parser,
            text,
            minimum_lines=template.minimum_lines,
            truncated=known.truncated,
            schema=template.schema,
            scale=template.scale,
        )
    except Exception as error:  # somebody else's parser: the paid text is kept all the same
        return _with(known, outcome="parser_broke", detail=f"{type(error).__name__}: {error}"[:500])
    return _with(
        known,
        outcome=parsed.outcome,
        parsed=parsed.text,
        detail=parsed.detail or None,
        score=parsed.score,
        scale=parsed.scale,
    )


def _with(known: Result, **changes: object) -> Result:
    from dataclasses import replace

    return replace(known, **changes)  # type: ignore[arg-type]


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
