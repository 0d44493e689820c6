"""The project's work as other programs' files: tables, datasets, provenance, topics, checkpoints.

Streamed, never over another file.
"""

from workbench.exports.checkpoint import export_checkpoint
from workbench.exports.dataset import FORMATS, export_dataset
from workbench.exports.huggingface import export_huggingface
from workbench.exports.openlineage import export_openlineage
from workbench.exports.parquet import export_parquet
from workbench.exports.prov import export_prov
from workbench.exports.selection import Choice
from workbench.exports.store import export_store
from workbench.exports.table import export_table
from workbench.exports.topics import export_topics

__all__ = [
    "FORMATS",
    "Choice",
    "export_checkpoint",
    "export_dataset",
    "export_huggingface",
    "export_openlineage",
    "export_parquet",
    "export_prov",
    "export_store",
    "export_table",
    "export_topics",
]
