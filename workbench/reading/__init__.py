"""Strict reading of other people's files: regular, UTF-8, bounded, every complaint with its line."""

from workbench.reading.faults import Faults
from workbench.reading.files import (
    MAX_FILE,
    MAX_LINE,
    bytes_file,
    chunks,
    lines,
    refuse_changed,
    seekable,
    stamp,
    text_file,
)
from workbench.reading.strict_json import json_file, json_text, jsonl
from workbench.reading.strict_yaml import Located, yaml_file, yaml_text
from workbench.reading.tables import csv_rows

__all__ = [
    "MAX_FILE",
    "MAX_LINE",
    "Faults",
    "Located",
    "bytes_file",
    "chunks",
    "csv_rows",
    "json_file",
    "json_text",
    "jsonl",
    "lines",
    "refuse_changed",
    "seekable",
    "stamp",
    "text_file",
    "yaml_file",
    "yaml_text",
]
