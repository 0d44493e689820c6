"""Is the record right? The rules of the model as checks, and one digest of all facts."""

from workbench.verify.check import Check
from workbench.verify.digest import digest
from workbench.verify.verify import verify

__all__ = ["Check", "digest", "verify"]
