"""The project's work as other programs' files: datasets, topics, checkpoints. Streamed, never over another file."""

from workbench.exports.checkpoint import export_checkpoint
from workbench.exports.dataset import FORMATS, export_dataset
from workbench.exports.store import export_store
from workbench.exports.topics import export_topics

__all__ = ["FORMATS", "export_checkpoint", "export_dataset", "export_store", "export_topics"]
