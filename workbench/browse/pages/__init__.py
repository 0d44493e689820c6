"""Every page, in the order of the menu."""

from __future__ import annotations

from typing import Final

from workbench.browse.page import Page
from workbench.browse.pages.overview import OVERVIEW

PAGES: Final[tuple[Page, ...]] = (OVERVIEW,)
