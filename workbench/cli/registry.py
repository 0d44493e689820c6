"""Every command by section: where it lives and its short help, so that `--help` imports none of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import Final

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: `module:attribute` below `workbench.cli`, and the first line of its help."""

    target: str
    help: str

    def load(self) -> click.Command:
        """Import the command's file and give the command."""
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(f"workbench.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command


SECTIONS: Final[dict[str, dict[str, Entry]]] = {
    "Begin": {
        "demo": Entry(
            "demo:demo",
            "See the whole product work on bundled content with the embedded offline model: no key, no network.",
        ),
        "init": Entry("init:init", "Make a new project with the starter templates."),
        "status": Entry("status:status", "Say what is in the project and what is left to do."),
    },
    "Fill": {
        "topics": Entry("topics:topics", "Trees and graphs of topics: read from files or grown by a model."),
        "concepts": Entry("concepts:concepts", "Named ideas with descriptions at up to three levels."),
        "combos": Entry("combos:combos", "Sets of concepts at a description level."),
        "replication": Entry("replication:replication", "How many replicates one build of a cohort may use, by stage."),
        "templates": Entry("templates:templates", "Prompt templates by stage and name, with every text that they had."),
        "models": Entry("models:models", "The catalogue of models: which provider, which parameters, what they cost."),
    },
    "Cohorts": {
        "cohort": Entry("cohorts:cohort", "Named sets of generations, made by specs or from chosen essays."),
    },
    "Make": {
        "validate": Entry("generate:validate", "Say what a run would do, without a call."),
        "generate": Entry("generate:generate", "Make the samples that are not there yet."),
        "run": Entry("run:run", "Do what a configuration file says."),
        "batches": Entry("batch:batches", "Files of calls at a provider: listed, taken, cancelled."),
        "explain": Entry("explain:explain", "Say why a task is new, reused, stale, blocked or failed."),
    },
    "Look": {
        "browse": Entry("browse:browse", "Look at the project in Datasette, with the workbench's pages, until Ctrl-C."),
        "show": Entry("show:show", "Show one generation with its texts, scores and calls."),
        "lineage": Entry("show:lineage", "Show the family of one generation, from its combo down."),
        "diff": Entry("texts:diff", "Compare the texts of two generations."),
        "search": Entry("texts:search", "Search prompts and answers by words."),
        "scores": Entry("scores:scores", "List scores with the essay and evaluator of each."),
        "report": Entry("report:report", "Scores, coverage and costs summed up: as a table, --csv or --json."),
        "query": Entry("query:query", "Run read-only SQL, or one of the named questions."),
        "events": Entry("events:events", "Print what happened, event by event."),
        "runs": Entry("events:runs", "List the runs with their counts."),
        "alerts": Entry("alerts:alerts", "List what a person must look at, and acknowledge it."),
    },
    "Change": {
        "migrate": Entry("migrate:migrate", "Rewrite IDs and what they hang on, reversibly."),
        "rename": Entry("rename:rename", "Give a template, model, combo or cohort another name."),
    },
    "Exchange": {
        "merge": Entry("merge:merge", "Take over what other projects hold and this one does not."),
        "import": Entry("imports:imports", "Take other programs' files over; without a verb, list what was taken."),
        "export": Entry("exports:exports", "Write samples, topics, a checkpoint or provenance as files."),
    },
    "Keep": {
        "verify": Entry("verify:verify", "Check every rule that a project must keep."),
        "digest": Entry("verify:digest", "Print one hash over all facts of the project."),
        "pack": Entry("files:pack", "Write a clean copy of the project to share."),
        "recover": Entry("files:recover", "Deal with what a killed process left behind."),
        "import-data": Entry("files:import_data", "Take a stranger's file safely into a new project."),
        "providers": Entry("providers:providers", "Bind provider aliases to origins and keys on this machine."),
    },
}
COMMANDS: Final[dict[str, Entry]] = dict(chain.from_iterable(part.items() for part in SECTIONS.values()))
