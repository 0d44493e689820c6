"""After a kill, and a stranger's file: what can be saved is saved, and what cannot is said."""

from workbench.rescue.recover import Recovery, recover
from workbench.rescue.take import Taken, import_data

__all__ = ["Recovery", "Taken", "import_data", "recover"]
