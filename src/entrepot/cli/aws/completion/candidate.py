"""One thing that may stand where the cursor is."""

from __future__ import annotations


class Candidate:
    """The whole word that would stand there, not only what is missing of it."""

    __slots__ = ("final", "meaning", "value")

    def __init__(self, value: str, meaning: str = "", *, final: bool = True) -> None:
        self.value = value
        self.meaning = meaning
        """What it is, for a person who chooses; one line, may be empty."""
        self.final = final
        """Whether the word is complete with it, so that a blank may follow; a folder is not."""

    def __repr__(self) -> str:
        return f"Candidate({self.value!r}, {self.meaning!r}, final={self.final})"


def matching(candidates: list[Candidate], typed: str) -> list[Candidate]:
    """Those that go on from what is typed, in their order."""
    return [candidate for candidate in candidates if candidate.value.startswith(typed)]
