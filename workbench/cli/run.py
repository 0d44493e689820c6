"""`workbench run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.generate import print_summary, terms_options
from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document
from workbench.cli.progress import progress


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@terms_options
@click.option("--force", is_flag=True, help="Write over a dataset file that this project did not write.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@project_option
@json_option
def run(project: Path, form: Form, config: Path, force: bool, dry_run: bool, terms: dict[str, Any]) -> int:
    """Do what a configuration file says: topics, samples and dataset. Makes the project when there is none.

    The file has DeepFabric's sections (llm, topics, generation, output) and is read strictly. The same command
    again does only what is missing.

    \b
    Example:
      workbench run config.yaml -p garden.db
    """
    from workbench.configured import run_config, validate_config

    if dry_run:
        document(validate_config(project, config), form)
        return 0
    with progress() as listen:
        summary = run_config(project, config, listen, terms, force=force)
    return print_summary(summary, form)
