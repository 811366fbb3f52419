"""The program's own commands, in one table. Each module is imported when its command runs, and no sooner.

The operations of the API are not here: they come from the model, and `entrepot.cli.aws.operation` runs them.
"""

from __future__ import annotations


class Command:
    """One command; `run(arguments: list[str]) -> int` of its module below `entrepot.cli` knows `--help`."""

    def __init__(self, name: str, module: str, help_text: str, group: str) -> None:
        self.name = name
        self.module = f"entrepot.cli.{module}"
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
    Command("demo", "admin.demo", "the main job, end to end, with everything it needs", FIRST_STEPS),
    Command("help", "aws.help.command", "help for a command, an operation or a topic", FIRST_STEPS),
    Command("doctor", "admin.doctor", "versions, settings, and what can be reached", EXCHANGE),
    Command("serve", "admin.serve", "API, signed URLs and job workers on one port", EXCHANGE),
    Command("worker", "admin.worker", "a job worker alone, for more machines", EXCHANGE),
    Command("account", "admin.account", "create and list accounts", EXCHANGE),
    Command("key", "admin.key", "create, list and disable access keys", EXCHANGE),
    Command("bucket", "admin.bucket", "allow, list and deny buckets of accounts", EXCHANGE),
    Command("datashare", "admin.datashare", "tables of PostgreSQL databases as live assets", EXCHANGE),
    Command("verify", "admin.verify", "re-read stored assets and prove their checksums", EXCHANGE),
    Command("webhook", "admin.webhook", "send events to webhooks, and what failed again", EXCHANGE),
    Command("publish", "bulk.publish", "a folder or s3://… becomes a finalized revision", DATA),
    Command("fetch", "bulk.fetch", "a revision's assets arrive in a folder or s3://…", DATA),
    Command("watch", "jobs.watch", "live progress of jobs, then each as get-job shows it", JOBS),
    Command("wait-job", "jobs.wait_job", "wait in silence until jobs have ended, for scripts", JOBS),
    Command("completion", "aws.completion.shells", "the script that lets a shell complete", SHELL),
    Command("__complete", "aws.completion.answer", "answers a shell that completes", HIDDEN),
)  # fmt: skip
"""In the order in which help shows them within their groups."""


def own_command(name: str) -> Command | None:
    """The command of that name; None where it may be an operation of the API."""
    return next((command for command in COMMANDS if command.name == name), None)
