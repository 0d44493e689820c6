"""Tasks against the record: what a run would do, what it would ask, and why a task is as it is."""
