"""The program's own commands, in one table. Each module is imported when its command runs, and no sooner.

The operations of the API are not here: they come from the model, and `entrepot.cli.aws.operation` runs them.
"""

from __future__ import annotations


class Command:
    """One command; its module has `run(arguments: list[str]) -> int`, which knows `--help`."""

    __slots__ = ("group", "help", "module", "name")

    def __init__(self, name: str, module: str, help_text: str, group: str) -> None:
        self.name = name
        self.module = module
        self.help = help_text
        """One line, without a full stop."""
        self.group = group
        """The heading under which people find it; empty for what only scripts of ours call."""


FIRST_STEPS = "first steps"
EXCHANGE = "run an exchange"
DATA = "publish and receive data"
JOBS = "follow jobs"
SHELL = "in the shell"
HIDDEN = ""

COMMANDS = (
    Command("demo", "entrepot.cli.admin.demo", "the main job, end to end, with everything it needs", FIRST_STEPS),
    Command("help", "entrepot.cli.aws.help.command", "help for a command, an operation or a topic", FIRST_STEPS),
    Command("doctor", "entrepot.cli.admin.doctor", "versions, settings, and what can be reached", EXCHANGE),
    Command("serve", "entrepot.cli.admin.serve", "API, signed URLs and job workers on one port", EXCHANGE),
    Command("worker", "entrepot.cli.admin.worker", "a job worker alone, for more machines", EXCHANGE),
    Command("account", "entrepot.cli.admin.account", "create and list accounts", EXCHANGE),
    Command("key", "entrepot.cli.admin.key", "create, list and disable access keys", EXCHANGE),
    Command("bucket", "entrepot.cli.admin.bucket", "allow, list and deny buckets of accounts", EXCHANGE),
    Command("datashare", "entrepot.cli.admin.datashare", "tables of PostgreSQL databases as live assets", EXCHANGE),
    Command("webhook", "entrepot.cli.admin.webhook", "send events to webhooks, and what failed again", EXCHANGE),
    Command("publish", "entrepot.cli.bulk.publish", "a folder or s3://… becomes a finalized revision", DATA),
    Command("fetch", "entrepot.cli.bulk.fetch", "a revision's assets arrive in a folder or s3://…", DATA),
    Command("watch", "entrepot.cli.jobs.watch", "live progress of jobs, then each as get-job shows it", JOBS),
    Command("wait-job", "entrepot.cli.jobs.wait_job", "wait in silence until jobs have ended, for scripts", JOBS),
    Command("completion", "entrepot.cli.aws.completion.command", "the script that lets a shell complete", SHELL),
    Command("__complete", "entrepot.cli.aws.completion.answer", "answers a shell that completes", HIDDEN),
)  # fmt: skip
"""In the order in which help shows them within their groups."""


def own_command(name: str) -> Command | None:
    """The command of that name; None where it may be an operation of the API."""
    for command in COMMANDS:
        if command.name == name:
            return command
    return None
