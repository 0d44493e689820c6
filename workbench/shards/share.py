"""Shards: which of N parts a family belongs to, and how limits are divided among N workers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from workbench.errors import BadInput
from workbench.generate import Terms
from workbench.ids import content_hash

MOST: Final = 4096  # shards of one job
_SUFFIX: Final = re.compile(r"-[0-9]+$")


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """One shard: part `number` of `count`, counted from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read `I/N`; raises BadInput."""
        found = re.fullmatch(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", text.strip())
        if found is None or not int(found[1]) <= int(found[2]) <= MOST:
            raise BadInput(f"{text[:40]!r} is no shard", mend=f"say I/N, 1/8 to 8/8 for eight (at most {MOST})")
        return cls(int(found[1]), int(found[2]))

    def holds(self, root: str) -> bool:
        """Say whether the family of a root draft's ID is in this shard."""
        return shard_of(root, self.count) == self.number

    def part(self, whole: int) -> int:
        """Give this shard's part of a whole number; the parts of all shards add up to it."""
        return whole // self.count + (self.number <= whole % self.count)


def shard_of(root: str, count: int) -> int:
    """Give the shard, 1 to `count`, of a family by its root draft's ID.

    A suffix that tells two tasks of one ID apart does not count, so that such tasks meet in one shard.
    """
    return int(content_hash(_SUFFIX.sub("", root.lower())), 16) % count + 1


def shared(terms: Terms, share: Share, *, width: int | None) -> Terms | None:
    """Give one worker its part of the terms, so that all workers together keep them; None: nothing is left for it.

    `width` is the number of calls in flight that was asked for in all; None: each worker has its own.
    Raises BadInput when there are fewer calls, or calls or tokens a minute, than workers.
    """
    parts: dict[str, int] = {}
    for option, whole in (("concurrency", width), ("rpm", terms.rpm), ("tpm", terms.tpm)):
        if whole is not None:
            parts[option] = share.part(whole)
            if whole < share.count:
                raise BadInput(f"--{option} {whole} is less than {share.count} workers", mend="take fewer workers")
    for option, whole in (("limit", terms.limit), ("max_calls", terms.max_calls)):
        if whole is not None:
            parts[option] = share.part(whole)
            if not parts[option]:
                return None
    cost = None if terms.max_cost is None else terms.max_cost / share.count
    return replace(terms, max_cost=cost, **parts)  # type: ignore[arg-type]
