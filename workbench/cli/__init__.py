"""The command line: one file per noun, found through `registry`, printed through `output`."""

from workbench.cli.frame import Root

main = Root(
    name="workbench",
    help="One SQLite file for text made with language models.\n\n\b\nExample:\n  workbench init\n  workbench status",
)

__all__ = ["main"]
