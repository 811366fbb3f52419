"""The topics of `entrepot help topics`: what is worth knowing beyond single commands."""

from __future__ import annotations

import os.path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from entrepot.cli.aws.help.page import Page

# Completion reads this too, and is in a hurry: no pathlib, no dataclasses.
_FOLDER = os.path.join(os.path.dirname(__file__), "topics")  # noqa: PTH118, PTH120


class Topic:
    """One topic; its text is in `topics/<name>.txt`."""

    __slots__ = ("name", "others", "summary")

    def __init__(self, name: str, summary: str, others: tuple[str, ...] = ()) -> None:
        self.name = name
        self.summary = summary
        self.others = others
        """Further names under which people look for it."""

    def page(self) -> Page:
        """Reads the text."""
        from entrepot.cli.aws.help.page import topic_page

        with open(os.path.join(_FOLDER, f"{self.name}.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return topic_page(file.read())


TOPICS = (
    Topic(
        "config-vars", "options, variables and files that configure operations", ("settings", "configuration")
    ),
    Topic("exit-codes", "what the program ends with, and what that means", ("return-codes",)),
    Topic("output", "formats of answers, and picking from them with --query", ("query",)),
    Topic("pagination", "long lists: pages, limits, going on later"),
    Topic("shorthand", "nested parameters: JSON, shorthand, files, skeletons", ("parameters",)),
    Topic("jobs", "how data moves: kinds of jobs and their states"),
    Topic("publish-and-fetch", "a folder to a revision and back, in one command each"),
    Topic("completion", "the Tab key in bash, zsh and fish; the prompt", ("auto-prompt", "prompt")),
)


def find_topic(name: str) -> Topic | None:
    """The topic of that name."""
    for topic in TOPICS:
        if name == topic.name or name in topic.others:
            return topic
    return None
