"""Questions about a whole project, answered as plain dicts."""
