"""The count of what became of a set of calls."""

from dataclasses import dataclass

from bench.common.section import Value


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of a set of calls; each list holds conversation ids.

    `lost` are neither remembered nor among the dead letters, `both` are both. `unexplained` are among the
    dead letters without a reason. `facts_twice` and `passages_twice` count the adds that Mem0 accepted beyond
    one of each kind a call.
    """

    calls: int
    remembered: list[str]
    dead: list[str]
    lost: list[str]
    both: list[str]
    unexplained: list[str]
    facts_twice: int
    passages_twice: int

    @property
    def clean(self) -> bool:
        """Whether each call is remembered once, and none is a dead letter as well."""
        twice = self.facts_twice or self.passages_twice
        return len(self.remembered) == self.calls and not self.dead and not twice

    @property
    def dead_lettered(self) -> bool:
        """Whether each call is among the dead letters with a reason, and none is remembered as well."""
        return len(self.dead) == self.calls and not self.both and not self.unexplained

    def figures(self) -> dict[str, Value]:
        """The numbers for a table."""
        return {
            "calls": self.calls,
            "remembered": len(self.remembered),
            "dead letters": len(self.dead),
            "lost": len(self.lost),
            "both": len(self.both),
            "facts twice": self.facts_twice,
            "passages twice": self.passages_twice,
        }
