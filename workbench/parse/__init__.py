"""Reading models' answers: parsers by name, each from raw text to parsed text or a reason. Pure."""

from workbench.parse.catalogue import PARSERS, known_parser, load_parser, parse, parser_names
from workbench.parse.outcome import Options, Parsed, Scale, Unreadable
from workbench.parse.schemas import check_schema, mismatch
from workbench.parse.scores import DEFAULT_SCALE

__all__ = [
    "DEFAULT_SCALE",
    "PARSERS",
    "Options",
    "Parsed",
    "Scale",
    "Unreadable",
    "check_schema",
    "known_parser",
    "load_parser",
    "mismatch",
    "parse",
    "parser_names",
]
