"""The command line: one file per noun, found through `registry`, printed through `output`."""

from workbench.cli.frame import Root

main = Root(
    name="workbench",
    help="One SQLite file for text made with language models.\n\n\b\nExample:\n  workbench demo\n  workbench init\n"
    "  workbench topics build bread --prompt 'Baking bread' --model offline\n"
    "  workbench generate --topics bread -n 20 --template qa-sample --model offline\n  workbench status\n\n"
    "\b\nTo have names completed in this shell (likewise in zsh and fish):\n"
    '  eval "$(_WORKBENCH_COMPLETE=bash_source workbench)"',
)

__all__ = ["main"]
