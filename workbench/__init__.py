"""One SQLite file for text made with language models: topics, prompts, generations and their lineage."""

__version__ = "0.1.0"
