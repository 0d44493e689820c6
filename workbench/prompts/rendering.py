"""From templates to prompts. What a model wrote enters as data and is never rendered again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, BadTemplate, WorkbenchError, raise_all
from workbench.ids import fold
from workbench.prompts.template import MODES, OFFERED, STAGES, Template

if TYPE_CHECKING:  # jinja2 takes 60 ms to import and waits for the first template
    import jinja2


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template that is ready to render: its text, and its system prompt if it has one."""

    text: jinja2.Template
    system: jinja2.Template | None


@contextmanager
def _at(template: Template, *, system: bool = False) -> Iterator[None]:
    """Turn a fault into BadTemplate with the template's file and line."""
    from workbench.prompts.sandbox import Fault

    try:
        yield
    except Fault as fault:
        mend = fault.mend
        if mend == "use what the stage offers":
            mend = f"a {template.stage} template may use {', '.join(sorted(OFFERED.get(template.stage, ())))}"
        raise BadTemplate(fault.detail, where=template.where(fault.line, system=system), mend=mend) from None


def compiled(template: Template) -> Compiled:
    """Compile a template; equal texts are compiled once. Raises BadTemplate with file and line."""
    from workbench.prompts.sandbox import prepared

    with _at(template):
        text = prepared(template.text)
    if not template.system:
        return Compiled(text, None)
    with _at(template, system=True):
        return Compiled(text, prepared(template.system))


def render(template: Template, variables: Mapping[str, Any]) -> str:
    """Render a template's text; raises BadTemplate with file and line.

    Source: one trailing line end is dropped, as Jinja2 documents for `keep_trailing_newline=False`.
    """
    from workbench.prompts.sandbox import prepared, run

    with _at(template):
        return run(prepared(template.text), variables)


def render_messages(template: Template, variables: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    """Render the messages of a call, {role, content} each: the system prompt first if it says anything."""
    user = {"role": "user", "content": render(template, variables)}
    system = _render_system(template, variables) if template.system else ""
    return ({"role": "system", "content": system}, user) if system.strip() else (user,)


def _render_system(template: Template, variables: Mapping[str, Any]) -> str:
    from workbench.prompts.sandbox import prepared, run

    with _at(template, system=True):
        return run(prepared(template.system), variables)


def unknown_variables(template: Template) -> tuple[str, ...]:
    """List the names that a template uses and its stage does not offer; raises BadTemplate."""
    from workbench.prompts.sandbox import names_used

    with _at(template):
        used = names_used(template.text)
    with _at(template, system=True):
        used |= names_used(template.system)
    return tuple(sorted(used - OFFERED.get(template.stage, frozenset())))


def check(template: Template) -> None:
    """Check all of a template but what other rooms know (its parser, its schema's own rules), without rendering.

    Raises BadTemplate, or Problems when there is more than one.
    """
    errors = [BadTemplate(detail, where=template.where(), mend=mend) for detail, mend in _faults(template)]
    try:
        compiled(template)
    except BadTemplate as error:
        errors.append(error)
    raise_all(errors)


def _faults(template: Template) -> Iterator[tuple[str, str]]:
    try:
        fold(template.name, "name")
    except BadInput as error:
        yield str(error), "rename the template"
    if template.stage not in STAGES:
        yield f"there is no stage {template.stage[:40]!r}", f"use one of {', '.join(STAGES)}"
    if template.mode not in MODES:
        yield f"there is no mode {template.mode[:40]!r}", f"use one of {', '.join(MODES)}"
    if template.mode == "copy" and template.stage != "essay":
        yield "only an essay can be a copy", "use mode llm"
    if template.mode == "llm" and not template.text.strip():
        yield "the template is empty", "write a prompt"
    if template.minimum_lines < 0:
        yield "minimum_lines is below 0", "use 0 or more"
    if template.scale is not None and not _is_scale(template.scale):
        yield f"the scale is {list(template.scale)}", "write [lowest, highest]"


def _is_scale(scale: tuple[float, float]) -> bool:
    return len(scale) == 2 and all(map(isfinite, scale)) and scale[0] < scale[1]


def problems_of(error: WorkbenchError) -> list[WorkbenchError]:
    """Give the errors that one exception holds."""
    return list(getattr(error, "errors", [error]))
