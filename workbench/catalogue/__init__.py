"""What a project holds of its inputs: topics, templates, models, concepts and combos, stored and loaded."""

from typing import Literal

Change = Literal["added", "changed", "unchanged"]  # what keeping an entry did
