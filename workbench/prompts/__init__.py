"""Prompt templates: read from files, checked, rendered in a sandbox."""

from workbench.prompts.catalogues import CatalogueRow, ModelRow, read_catalogue, read_models
from workbench.prompts.files import read_template, write_template
from workbench.prompts.folders import read_folder
from workbench.prompts.rendering import Compiled, check, compiled, render, render_messages, unknown_variables
from workbench.prompts.template import DEFAULT_SCALE, MODES, OFFERED, STAGES, Template

__all__ = [
    "DEFAULT_SCALE",
    "MODES",
    "OFFERED",
    "STAGES",
    "CatalogueRow",
    "Compiled",
    "ModelRow",
    "Template",
    "check",
    "compiled",
    "read_catalogue",
    "read_folder",
    "read_models",
    "read_template",
    "render",
    "render_messages",
    "unknown_variables",
    "write_template",
]
