"""`workbench models`: the catalogue of models, and one call to see whether a model answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.complete import names
from workbench.cli.frame import Noun
from workbench.cli.options import Amount, dry_run_option, json_option, project_option, rows_options
from workbench.cli.output import Form, document, facts, note, table
from workbench.cli.trial import trial
from workbench.cli.typed import typed
from workbench.cli.visible import visible

if TYPE_CHECKING:
    from workbench.catalogue.models import Model
    from workbench.providers import Answer

COLUMNS = ("model", "provider", "name", "parameters", "price_in", "price_out", "versions", "made")
SHOWN = 400  # characters of a test's answer


@click.group(cls=Noun)
def models() -> None:
    """The catalogue of models: which provider, which parameters, what they cost.

    A project names a provider by its alias; address and key are bound on each machine by `workbench providers`.

    \b
    Example:
      workbench models add writer --provider router --name some/model-8b --param temperature=0.7
      workbench models test writer
      workbench models
    """


@models.command("list")
@project_option
@rows_options
def list_models(project: Path, form: Form) -> None:
    """List the models with their settings, prices, and how much was made with them.

    \b
    Example:
      workbench models list --json
    """
    from workbench.catalogue.listing import models as stored
    from workbench.store import open_project

    with open_project(project) as db:
        rows = stored(db)
        if form.kind == "text":
            told_rows = [_plain(row) for row in rows]
            table(told_rows, form, filled(told_rows, COLUMNS), empty="no models yet; see `workbench models add --help`")
        else:
            table(rows, form)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    import json

    parameters = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in row["parameters"].items())
    return {**row, "model": row["llm_model_id"], "parameters": " ".join(parameters), "made": row["generations"]}


def filled(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[str]:
    """Give the columns in which any row has something to show: terminals are narrow."""
    return [name for name in columns if any(row[name] not in (None, "") for row in rows)]


@models.command()
@click.argument("llm_model_id", metavar="ID", shell_complete=names("models"))
@click.option("--provider", metavar="ALIAS", help="Alias of the provider: offline, llm, or a bound one.")
@click.option("--name", help="The provider's own name of the model.")
@click.option("--param", "params", metavar="KEY=VALUE", multiple=True, help="A parameter of every call; repeatable.")
@click.option("--price-in", type=Amount(), help="Money per million tokens in.")
@click.option("--price-out", type=Amount(), help="Money per million tokens out.")
@click.option("--display", default="", metavar="TEXT", help="What to call it in tables and on pages.")
@dry_run_option
@project_option
@json_option
def add(
    llm_model_id: str,
    provider: str | None,
    name: str | None,
    params: tuple[str, ...],
    price_in: float | None,
    price_out: float | None,
    display: str,
    dry_run: bool,
    project: Path,
    form: Form,
) -> None:
    """Add a model, or give a known one other settings.

    A new one needs --provider and --name; of a known one, what is not said stays, but parameters are said together.
    Values of --param are numbers, true, false or JSON where they look like it, else text. Other settings become a new
    version; what was made before keeps the old one. Prices and --display are no settings.

    \b
    Example:
      workbench models add writer --provider router --name some/model-8b --param temperature=0.7 --param max_tokens=2000
      workbench models add judge --provider router --name some/model-70b
      workbench models add judge --price-in 0.6 --price-out 2.4
    """
    from workbench.catalogue.models import Model

    asked = llm_model_id.strip()
    known = None if provider and name else _known(asked, project)
    kept = known.parameters if known and not params else typed(params)
    provider, name = provider or (known.provider if known else ""), name or (known.name if known else "")
    model = Model(asked, provider.strip(), name.strip(), kept, display, price_in, price_out)
    _store([model], project, form, dry_run=dry_run)
    if form.kind == "text" and (price_in is not None or price_out is not None):
        note(f"{asked}: cost is counted by these prices from now on")


def _known(name: str, project: Path) -> Model:
    """Give what the project knows of a model of which not all is said."""
    from workbench.catalogue.models import load_model
    from workbench.errors import UnknownName
    from workbench.store import open_project

    with open_project(project) as db:
        try:
            return load_model(db, name)
        except UnknownName:
            raise click.UsageError(f"model {name!r} is new: say --provider and --name") from None


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--provider", metavar="ALIAS", help="Reach all of them through this provider, whatever the file says.")
@dry_run_option
@project_option
@json_option
def import_models(file: Path, provider: str | None, dry_run: bool, project: Path, form: Form) -> None:
    """Read models from a CSV catalogue or a YAML file.

    CSV has the columns id, model, provider, and as you like display_name, parameters (JSON), price_in, price_out. YAML
    has an entry `ID: {provider: ALIAS, name: NAME, parameters: {…}}` for each.

    \b
    Example:
      workbench models import llm_models.csv --provider router
    """
    from workbench.catalogue.model_files import read_model_file

    _store(read_model_file(file, provider), project, form, dry_run=dry_run)


def _store(found: Sequence[Model], project: Path, form: Form, *, dry_run: bool) -> None:
    from workbench.catalogue.models import store_model
    from workbench.store import open_project

    changes: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": []}
    with open_project(project, write=True) as db, trial(db, dry_run):
        for model in found:
            changes[store_model(db, model)].append(model.llm_model_id)
    counts = {change: len(models) for change, models in changes.items()}
    document({**counts, "models": changes, "dry_run": dry_run}, form, lambda: told(changes, "models", dry_run))
    for text in _unbound(found) if form.kind == "text" else ():
        note(text)


def told(changes: dict[str, list[str]], what: str, dry_run: bool) -> Iterator[str]:
    """Say what was stored: how many of each change, and the names of what is new or other than before."""
    counts = ", ".join(f"{len(found):,} {change}" for change, found in changes.items())
    yield f"{what}: {counts}{'; nothing is kept, this was a dry run' if dry_run else ''}"
    for change in ("added", "changed"):
        for name in changes[change]:
            yield f"  {change:<7}  {name}"


def _unbound(found: Sequence[Model]) -> Iterator[str]:
    from workbench.providers import why_not

    for alias in dict.fromkeys(model.provider for model in found):
        if error := why_not(alias):
            yield f"provider {alias!r} cannot be used here yet: {error}"


@models.command("test")
@click.argument("llm_model_id", metavar="ID", shell_complete=names("models"))
@project_option
@json_option
def test_model(llm_model_id: str, project: Path, form: Form) -> int:
    """Ask a model one tiny question and say what came back.

    One call with the model's own parameters; it is not recorded. `not_sent` names parameters that its provider does
    not know. Exits 1 when no usable answer came.

    \b
    Example:
      workbench models test offline
    """
    from workbench.catalogue.models import load_model
    from workbench.store import open_project

    with open_project(project) as db:
        model = load_model(db, llm_model_id)
    found = _asked(model)
    document(found, form, lambda: facts({**found, "text": visible(found["text"] or "", SHOWN)}))
    return 0 if found["outcome"] == "ok" else 1


def _asked(model: Model) -> dict[str, Any]:
    import asyncio
    from dataclasses import asdict

    answer, seconds, synthetic, unsent = asyncio.run(_answer(model))
    known = {key: value for key, value in asdict(answer).items() if key not in ("body", "lossy", "retry_after")}
    names = {"model": model.llm_model_id, "provider": model.provider, "name": model.name}
    return {**names, **known, "seconds": round(seconds, 3), "synthetic": synthetic, "not_sent": unsent}


async def _answer(model: Model) -> tuple[Answer, float, bool, list[str]]:
    from workbench.clock import ticks
    from workbench.providers import Request, provider_for

    question = {"role": "user", "content": 'Say "hello" in one short sentence.'}
    provider = provider_for(model.provider)
    request = Request("test", model.name, (question,), model.parameters)
    begun = ticks()
    try:
        answer = await provider.call(request)
    finally:
        await provider.aclose()
    seconds = ticks() - begun
    unsent = provider.unsent(request) if answer.verdict == "done" and hasattr(provider, "unsent") else []
    return answer, seconds, provider.synthetic, unsent
