"""DeepFabric's checkpoints (version 4) and samples: read, placed on topics and cycles, and written. No database."""

from workbench.checkpoint.model import VERSION, Checkpoint, Failure, Problem, Sample
from workbench.checkpoint.place import FailedTask, PlacedSample, Placements, place
from workbench.checkpoint.read import read_checkpoint, read_samples
from workbench.checkpoint.write import Origin, WrittenFailure, WrittenSample, write_checkpoint

__all__ = [
    "VERSION",
    "Checkpoint",
    "FailedTask",
    "Failure",
    "Origin",
    "PlacedSample",
    "Placements",
    "Problem",
    "Sample",
    "WrittenFailure",
    "WrittenSample",
    "place",
    "read_checkpoint",
    "read_samples",
    "write_checkpoint",
]
