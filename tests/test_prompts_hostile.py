"""Templates from strangers: each is refused in less than a second, with its line."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from workbench.errors import BadTemplate
from workbench.prompts import Template, check, render

VARIABLES = {
    "topic": "Soil",
    "path": ["Garden", "Soil"],
    "path_text": "Garden > Soil",
    "concepts": [{"name": f"n{n}", "content": "c" * 500} for n in range(10)],
    "combo_id": "x",
    "cycle": 0,
    "replicate": 1,
}
_THOUSAND = "{% set t = [1,1,1,1,1,1,1,1,1,1] %}"
_MEGABYTE = "{% set b = 'xxxxxxxxxxxxxxxx' %}" + "{% set b = b ~ b %}" * 16
ESCAPES = [
    "{{ topic.__class__ }}",
    "{{ topic.__class__.__mro__[1].__subclasses__() }}",
    "{{ topic['__class__'] }}",
    "{{ topic['__cl' ~ 'ass__'] }}",
    "{{ topic|attr('__class__') }}",
    "{{ topic.format }}",
    "{{ topic.format(topic) }}",
    "{{ '{0.__class__}'.format(topic) }}",
    "{{ '%s'|format(topic) }}",
    "{{ '%99999999d' % 1 }}",
    "{{ '{}'.format_map(path) }}",
    "{{ concepts|map(attribute='__class__')|list|join }}",
    "{{ concepts|map('attr', '__class__')|list }}",
    "{{ concepts|map('$loop', 1)|list }}",
    "{{ concepts.append(1) }}",
    "{{ concepts.pop }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ _context }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ cycler('a') }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace(a=1) }}",
    "{{ lipsum.__globals__ }}",
    "{{ dict(a=1) }}",
    "{{ topic is callable }}",
    "{{ topic is filter }}",
    "{{ topic is sameas topic }}",
    "{{ ℯ_class }}{{ ｔopic }}",
    "{{ topic.＿class }}",
    "{% for c in path %}{{ loop.__class__ }}{% endfor %}",
    "{% for c in path %}{{ loop.cycle('a') }}{% endfor %}",
    "{% for c in path %}{{ loop.changed }}{% endfor %}",
    "{% for c in path %}{{ loop._iterable }}{% endfor %}",
    "{% set ns.x = 1 %}",
    "{% set __x = 1 %}",
]
PROGRAMS = [
    "{% include 'a' %}",
    "{% import 'a' as a %}",
    "{% from 'a' import b %}",
    "{% extends 'a' %}",
    "{% block a %}{% endblock %}",
    "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% call a() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% set a %}text{% endset %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% do concepts.append(1) %}",
    "{% for a in path recursive %}{{ loop(path) }}{% endfor %}",
    "{% for a in path %}{% break %}{% endfor %}",
    "{{ topic|replace(*path) }}",
    "{{ topic|replace(**concepts) }}",
    "{% trans %}a{% endtrans %}",
    "{% debug %}",
]
COSTS = [
    "{{ 'x' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ path + path }}",
    "{{ 9 ** 999999999 }}",
    "{% set a = 99999999999 %}" + "{% set a = a * a %}" * 12,
    "{{ " + "9" * 5000 + " }}",
    "{{ " + "9" * 500 + " }}",
    "{{ range(1000000000) }}",
    "{% for a in range(1000000000) %}{% endfor %}",
    _THOUSAND + "{% for a in t %}" * 9 + "{% endfor %}" * 9,
    _THOUSAND + "{% for a in t %}" * 9 + "x" + "{% endfor %}" * 9,
    "{% for a in path %}" * 40 + "{% endfor %}" * 40,
    _THOUSAND + "{% for a in t for b in t %}{% endfor %}",
    _THOUSAND + "{% for a in t if t|sort == t|sort %}{% for b in t %}" * 4 + "{% endfor %}" * 8,
    "{% set a = topic %}" + "{% set a = a ~ a %}" * 40,
    "{% set a = topic %}" + "{% set a = a + a %}" * 40,
    "{% set a = topic %}" + "{% set a = [a, a] %}" * 40 + "{{ a|tojson }}",
    "{% set a = [1] %}"
    + "{% set a = [a, a] %}" * 40
    + "{% set b = [1] %}"
    + "{% set b = [b, b] %}" * 40
    + "{{ a == b }}",
    "{% set a = {'a': 1} %}" + "{% set a = {'a': a, 'b': a} %}" * 40,
    "{% set a = (1, 1) %}" + "{% set a = (a, a) %}" * 40 + "{{ a is eq a }}",
    "{% set a = [1] %}" + "{% set a = [a] %}" * 3000 + "{{ a|tojson }}",
    _MEGABYTE + "{% for a in concepts %}{% for c in concepts %}{{ b == b ~ 'x' }}{% endfor %}{% endfor %}",
    _MEGABYTE + "{% for a in concepts %}{{ b }}{% endfor %}",
    _MEGABYTE + "{{ [b, b, b, b, b, b, b, b, b]|join }}",
    _MEGABYTE + "{{ b|replace('', b) }}",
    _MEGABYTE + "{{ b|replace('x', b) }}",
    _MEGABYTE + "{{ b|list|join(b) }}",
    _MEGABYTE + "{{ b|indent(999999999) }}",
    _MEGABYTE + "{{ b|trim(b) }}",
    _MEGABYTE + "{% for a in concepts %}{% for c in concepts %}{{ b|upper|length }}{% endfor %}{% endfor %}",
    _MEGABYTE + "{% for a in concepts %}{% for c in concepts %}{{ b|wordcount }}{% endfor %}{% endfor %}",
    _MEGABYTE + "{% for a in concepts %}{% for c in concepts %}{{ b|list|sort|length }}{% endfor %}{% endfor %}",
    "{{ topic|center(1000000000) }}",
    "{{ topic|ljust(1000000000) }}",
    "{{ topic|wordwrap(1) }}",
    "{{ topic|urlize }}",
    "{{ topic|striptags }}",
    "{{ concepts|batch(1000000000, 'x') }}",
    "{{ concepts|slice(1000000000) }}",
    "{{ concepts|groupby('name') }}",
    "{{ concepts|xmlattr }}",
    "{{ concepts|pprint }}",
    "{{ concepts|random }}",
    "{{ concepts|sum(attribute='name') }}",
    "{{ topic|filesizeformat }}",
    "{{ '%999999999d' is even }}",
    "{{ '%999999999d' is divisibleby(3) }}",
    "{{ ['%999999999d']|reject('odd')|list|length }}",
    "{{ topic|tojson(indent=1000000) ~ concepts|tojson(indent='" + "x" * 1000 + "') }}",
    "{{ topic|indent('" + "x" * 1000 + "') }}",
]
SHAPES = [
    "x" * (2**18 + 1),
    "é" * (2**17 + 1),
    "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}",
    "{{ " + "[" * 50_000,
    "{{ " + "not " * 60_000 + "1 }}",
    "{{ " + "-" * 200_000 + "1 }}",
    "{{ 1" + " + 1" * 60_000 + " }}",
    "{{ 1" + " < 1" * 60_000 + " }}",
    "{{ 1" + " ~ 1" * 60_000 + " }}",
    "{{ " + "1 if 1 else " * 20_000 + "1 }}",
    "{{ topic" + ".a" * 100_000 + " }}",
    "{{ topic" + "|upper" * 40_000 + " }}",
    "{{ topic" + "|upper" * 100 + " }}",
    "{{ [" + "1," * 120_000 + "] }}",
    "{% if 1 %}" * 2000 + "{% endif %}" * 2000,
    "{% if 0 %}" + "{% elif 0 %}" * 18_000 + "{% endif %}",
    "{% set a = 1 %}" * 17_000,
    "{{ topic }}" * 22_000,
    "{{" * 130_000,
    "{%" * 130_000,
    "{#" * 130_000,
    "{% raw %}" * 29_000,
    "{{ '" * 60_000,
    "{{ " + "1_" * 100_000 + "1 }}",
    "{{ " + "1." * 100_000 + " }}",
    "{% for %}",
    "{{ topic",
    "{% if topic %}",
    "{{ topic | }}",
    "{{ 'a' 'b' c }}",
    "{% endfor %}",
    "{% unknown %}",
]
MISTAKES = [
    "{{ missing }}",
    "{{ missing.part }}",
    "{{ topic.part }}",
    "{{ concepts[99] }}",
    "{{ concepts[0].missing }}",
    "{{ concepts[0].name.upper }}",
    "{{ concepts }}",
    "{{ concepts[0] }}",
    "{{ none }}",
    "{{ concepts|first }}",
    "{{ path|join|join }}",
    "{% for a in topic %}{% endfor %}",
    "{% for a in missing %}{% endfor %}",
    "{% for a in 7 %}{% endfor %}",
    "{{ 1 / 0 }}",
    "{{ 1 % 0 }}",
    "{{ topic - 1 }}",
    "{{ topic + 1 }}",
    "{{ topic < 1 }}",
    "{{ [1, 'a']|sort }}",
    "{{ []|first }}",
    "{{ topic|int|upper|round('x') }}",
    "{{ topic is divisibleby(0) }}",
    "{{ concepts|selectattr('name', 'nothing')|list }}",
    "{{ concepts|map('nothing')|list }}",
    "{{ concepts|map(attribute='missing')|join }}",
    "{{ [missing] }}",
    "{{ {'a': missing}|tojson }}",
    "{{ missing ~ 'a' }}",
    "{{ missing == 1 }}",
]


def _cases() -> Iterator[object]:
    groups = {"escape": ESCAPES, "program": PROGRAMS, "cost": COSTS, "shape": SHAPES, "mistake": MISTAKES}
    for kind, sources in groups.items():
        for number, source in enumerate(sources):
            yield pytest.param(source, id=f"{kind}-{number}-{source[:24].encode('ascii', 'replace').decode()}")


@pytest.mark.parametrize("source", list(_cases()))
def test_a_hostile_template_is_refused_in_less_than_a_second(source: str) -> None:
    """BadTemplate names the file and a line of it, and says what to do."""
    template = Template("x", "draft", source, origin="x.j2", line=3)
    start = time.process_time()
    with pytest.raises(BadTemplate) as refused:
        render(template, VARIABLES)
    assert time.process_time() - start < 1
    place, _, line = refused.value.where.rpartition(":")
    assert place == "x.j2"
    assert 3 <= int(line) <= 3 + source.count("\n")
    assert refused.value.detail
    assert refused.value.mend
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("source", [*PROGRAMS, *SHAPES])
def test_bad_syntax_is_found_without_rendering(source: str) -> None:
    """What a template may not say is known before a call is planned."""
    with pytest.raises(BadTemplate):
        check(Template("x", "draft", source))


@pytest.mark.parametrize(
    "source", ["{{ a }}", "{% for a in b %}{% endfor %}", "{% raw %}{{ x }}{% endraw %}", "{# c #}"]
)
def test_what_a_model_wrote_is_never_rendered(source: str) -> None:
    """Template syntax in a variable stays text."""
    assert render(Template("x", "essay", "{{ draft_block }}"), {"draft_block": source}) == source


def test_variables_cannot_be_changed() -> None:
    """Rendering leaves what it was given as it was."""
    given = {"concepts": [{"name": "b"}, {"name": "a"}]}
    render(Template("x", "draft", "{% set concepts = concepts|sort(attribute='name') %}"), given)
    assert given == {"concepts": [{"name": "b"}, {"name": "a"}]}
