"""What a project holds of its inputs: topics, templates, models, concepts and combos, stored and loaded."""
