"""`workbench providers`: which host may be sent which key, on this machine alone."""

from __future__ import annotations

import click

from workbench.cli.frame import Noun
from workbench.cli.options import Amount, dry_run_option, json_option, no_project_option, rows_options
from workbench.cli.output import Form, document, note, table


def _aliases(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from workbench.errors import WorkbenchError
    from workbench.providers.binding import bindings

    try:
        return [alias for alias in bindings() if alias.startswith(incomplete)]
    except WorkbenchError:
        return []


@click.group(cls=Noun)
def providers() -> None:
    """Bind provider aliases to origins and keys on this machine.

    A project stores aliases only; an address and the name of a key's variable are kept outside of it.

    \b
    Example:
      workbench providers add local --url http://localhost:8000/v1
      workbench providers
    """


@providers.command("list")
@no_project_option
@rows_options
def list_providers(form: Form) -> None:
    """List the bindings of this machine; no key is ever shown.

    \b
    Example:
      workbench providers list --json
    """
    from dataclasses import asdict

    from workbench.providers.binding import bindings

    table([asdict(binding) for binding in bindings().values()], form, empty="no providers are bound")


@providers.command()
@click.argument("alias")
@click.option("--url", required=True, help="Address below which calls go: https://HOST/v1.")
@click.option("--key-env", help="Environment variable that holds the key; leave out for none.")
@click.option("--kind", default="openai", show_default=True, help="How the provider is spoken to.")
@click.option("--timeout", type=Amount(min_open=True), help="Seconds that one call may take: 120, here 600.")
@click.option("--rpm", type=click.IntRange(1), help="Most calls per minute.")
@click.option("--tpm", type=click.IntRange(1), help="Most tokens per minute.")
@dry_run_option
@no_project_option
@json_option
def add(
    alias: str,
    url: str,
    key_env: str | None,
    kind: str,
    timeout: float | None,
    rpm: int | None,
    tpm: int | None,
    dry_run: bool,
    form: Form,
) -> None:
    """Bind an alias to an origin and a key's variable.

    \b
    Example:
      workbench providers add router --url https://api.example.com/v1 --key-env ROUTER_KEY
      workbench providers add local --url http://127.0.0.1:8080/v1
    """
    from dataclasses import asdict
    from urllib.parse import urlsplit

    from workbench.providers.binding import add as bind
    from workbench.store.rehearsal import rehearsal

    fields = {"kind": kind, "timeout": timeout, "rpm": rpm, "tpm": tpm}
    with rehearsal(dry_run):
        binding = bind(alias, url, key_env, **fields)
    document(asdict(binding) | ({"dry_run": True} if dry_run else {}), form)
    if not urlsplit(binding.url).path:
        note(f"most servers answer below /v1; if this one does: --url {binding.url}/v1")


@providers.command()
@click.argument("alias", shell_complete=_aliases)
@dry_run_option
@no_project_option
@json_option
def remove(alias: str, dry_run: bool, form: Form) -> None:
    """Forget the binding of an alias.

    \b
    Example:
      workbench providers remove router
    """
    from dataclasses import asdict

    from workbench.providers.binding import remove as forget
    from workbench.store.rehearsal import rehearsal

    with rehearsal(dry_run):
        binding = forget(alias)
    document(asdict(binding) | ({"dry_run": True} if dry_run else {}), form)
