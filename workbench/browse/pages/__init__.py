"""Every page, in the order of the menu."""

from __future__ import annotations

from functools import cache
from typing import Final

from workbench.browse.page import Page
from workbench.browse.pages.cohort import COHORT
from workbench.browse.pages.descent import DESCENT
from workbench.browse.pages.differences import DIFFERENCES
from workbench.browse.pages.generation import GENERATION
from workbench.browse.pages.migrations import MIGRATIONS
from workbench.browse.pages.overview import OVERVIEW
from workbench.browse.pages.questions import QUESTIONS
from workbench.browse.pages.run import RUN, RUNS
from workbench.browse.pages.scores import SCORES
from workbench.browse.pages.search import SEARCH
from workbench.browse.pages.theirs import page_of
from workbench.browse.pages.topic import TOPIC
from workbench.browse.pages.topics import TOPICS
from workbench.plugins import plugin_names

PAGES: Final[tuple[Page, ...]] = (
    OVERVIEW,
    TOPICS,
    TOPIC,
    COHORT,
    GENERATION,
    DESCENT,
    DIFFERENCES,
    RUNS,
    RUN,
    SCORES,
    MIGRATIONS,
    SEARCH,
    QUESTIONS,
)


@cache
def all_pages() -> tuple[Page, ...]:
    """Give our pages, then those of other packages: entry points of the group `workbench.pages`."""
    found = list(PAGES)
    for name in plugin_names("pages"):
        found.append(page_of(name, {page.name for page in found}))
    return tuple(found)
