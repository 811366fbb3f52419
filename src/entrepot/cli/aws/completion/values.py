"""Candidates for the values of options, and for the words that the program's own commands take."""

from __future__ import annotations

import os
from importlib import import_module

from entrepot.cli.aws.operation.options import COLOURS, INPUT_JSON, INPUT_YAML, OUTPUTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrepot.cli.aws.completion.live import LiveIds
    from entrepot.cli.aws.completion.own_commands import OwnCommand
    from entrepot.cli.aws.completion.situation import Situation
    from entrepot.cli.aws.operation.grammar import Option
    from entrepot.client.command_line_model import Member

SCHEMES = ("file://", "fileb://")
_MOST = 500
REGIONS = (
    "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "eu-central-1", "eu-west-1",
    "eu-west-2", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
)  # fmt: skip
_PATHS = ("FILE", "FOLDER", "PATH", "DIR")
"""What a metavar of ours contains where a path may stand."""
_IDS = {"JOB": "JobId", "DATA-SET": "DataSetId", "DATA_SET": "DataSetId", "REVISION": "RevisionId"}
"""Metavars of ours that are an id."""
_LOCAL = {
    "key": {"disable": "enabled_keys"},
    "webhook": dict.fromkeys(("remove", "dead-letters", "replay"), "webhook_ids"),
}
"""What the word after an action is, by command and action: functions of `entrepot.cli.admin.local_ids`."""
_SETTINGS = ("data_dir", "database")
_ID_OPTIONS = {"--data-set": "DataSetId", "--revision": "RevisionId"}
"""Options of ours whose value is one."""
_CHOICES = {"--output": OUTPUTS, "--color": COLOURS, "--auth": ("sigv4", "trust")}
"""Options of ours whose parser leaves checking to those who use the value."""


class Candidate:
    """A whole word that may stand at the cursor."""

    def __init__(self, value: str, meaning: str = "", *, final: bool = True) -> None:
        self.value = value
        self.meaning = meaning
        """What it is, for a person who chooses; one line, may be empty."""
        self.final = final
        """Whether the word is complete with it, so that a blank may follow; a folder is not."""

    def __repr__(self) -> str:
        return f"Candidate({self.value!r}, {self.meaning!r}, final={self.final})"


def matching(candidates: list[Candidate], typed: str) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate.value.startswith(typed)]


def scheme_of(typed: str) -> str | None:
    return next((scheme for scheme in SCHEMES if typed.startswith(scheme)), None)


def paths(typed: str, *, prefix: str = "", folders_only: bool = False) -> list[Candidate]:
    """Lists the folder that `typed` is in, each entry as a whole path behind `prefix`.

    A folder ends with a slash and is not final. Hidden ones come once their dot is typed. `~` stays as it is.
    """
    folder, slash, name = typed.rpartition("/")
    folder += slash
    if not slash and typed == "~":
        return [Candidate(f"{prefix}~/", final=False)]
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111
            found = sorted(
                (entry.name, _is_folder(entry)) for entry in entries if entry.name.startswith(name)
            )
    except OSError:
        return []
    shown = [
        (entry, is_folder)
        for entry, is_folder in found
        if (not entry.startswith(".") or name.startswith(".")) and (is_folder or not folders_only)
    ]
    return [
        Candidate(f"{prefix}{folder}{entry}{'/' if is_folder else ''}", final=not is_folder)
        for entry, is_folder in shown[:_MOST]
        if entry.isprintable()
    ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


class Values:
    def __init__(
        self, situation: Situation, environ: Mapping[str, str], ids: LiveIds, own: OwnCommand | None
    ) -> None:
        self._situation = situation
        self._environ = environ
        self._ids = ids
        self._own = own

    def of_option(self, option: Option) -> list[Candidate]:
        """Values of an option, each without the `--option=` that may stand before it."""
        if option.choices:
            return [Candidate(choice) for choice in option.choices]
        configured = self._configured(option.flag)
        if configured is not None:
            return configured
        if self._own is not None:
            return self._of_own_option(option.flag, self._own)
        member = self._situation.members.get(option.flag)
        if option.flag in {INPUT_JSON, INPUT_YAML}:
            return self._files(offer=True)
        return self._files(offer=False) if member is None else self._of_member(member)

    def _of_own_option(self, flag: str, own: OwnCommand) -> list[Candidate]:
        if flag in _CHOICES:
            return [Candidate(choice) for choice in _CHOICES[flag]]
        if flag in _ID_OPTIONS:
            return self._live(_ID_OPTIONS[flag])
        return self._of_metavar(own.metavars.get(flag, ""))

    def of_word(self) -> list[Candidate]:
        situation = self._situation
        if situation.own == "help" and not situation.positionals:
            return self._subjects_of_help()
        word = None if self._own is None else self._own.word(len(situation.positionals))
        if word is None:
            return []
        if word.choices:
            return [Candidate(choice) for choice in word.choices]
        local = _LOCAL.get(situation.own or "", {}).get(next(iter(situation.positionals), ""))
        found = self._of_metavar(word.metavar) if local is None else self._of_database(local)
        return [one for one in found if one.value not in situation.positionals]

    def _of_database(self, what: str) -> list[Candidate]:
        """Ids that the exchange's own database knows, for those who run it. Never raises."""
        given = {name: self._situation.value(f"--{name.replace('_', '-')}") for name in _SETTINGS}
        settings = {name: value for name, value in given.items() if value is not None}
        try:
            # Loads what the server is made of; nothing else that completes needs it.
            ask = getattr(import_module("entrepot.cli.admin.local_ids"), what)
            return [Candidate(*one) for one in ask(settings, self._environ)]
        except Exception:  # noqa: BLE001 - a suggestion that cannot be had is no suggestion
            return []

    def _of_member(self, member: Member) -> list[Candidate]:
        shape = member.shape
        item = shape.item
        enum = shape.enum or (item.enum if item is not None and shape.kind == "list" else ())
        if enum:
            already = self._situation.given.get(f"--{member.name}", ())
            return [Candidate(value) for value in enum if value not in already]
        if scheme_of(self._situation.typed) is not None:
            return self._files(offer=False)
        found = self._live(member.name)
        nested = shape.kind in {"structure", "map"} or (item is not None and item.kind == "structure")
        if nested:
            from entrepot.cli.aws.completion.nested import nested_names

            found = found + nested_names(shape, self._situation.typed)
        return found + self._files(offer=nested)

    def _live(self, member: str) -> list[Candidate]:
        situation = self._situation
        known = {
            known.name: value
            for flag, known in situation.members.items()
            if (value := situation.value(flag)) is not None
        }
        if situation.own is not None:
            data_set = situation.value("--data-set") or next(iter(situation.positionals), None)
            known = {} if data_set is None else {"DataSetId": data_set}
        command = situation.own or (situation.operation.command if situation.operation else "")
        return self._ids.ids(member, command, known, situation.given, situation.typed)

    def _configured(self, flag: str) -> list[Candidate] | None:
        """Values that configuration knows; None for an option that it has nothing to do with."""
        if flag == "--region":
            return [Candidate(region) for region in REGIONS]
        if flag in {"--profile", "--s3-profile"}:
            return [Candidate(profile) for profile in self._profiles()]
        if flag == "--ca-bundle":
            return paths(self._situation.typed)
        if flag == "--query" and self._situation.operation is not None:
            from entrepot.cli.aws.completion.nested import query_names

            return query_names(self._situation.operation.output, self._situation.typed)
        return None

    def _profiles(self) -> list[str]:
        from entrepot.client.client_errors import ClientError
        from entrepot.client.configuration import Configuration

        try:
            return sorted(Configuration(self._environ).files().profiles)
        except ClientError:
            return []

    def _of_metavar(self, metavar: str) -> list[Candidate]:
        metavar = metavar.upper()
        if metavar in _IDS:
            found = self._live(_IDS[metavar])
            return found + self._names(found) if metavar == "DATA_SET" else found
        if any(word in metavar for word in _PATHS):
            folders_only = "FOLDER" in metavar or "DIR" in metavar
            return paths(self._situation.typed, folders_only=folders_only)
        return []

    def _names(self, data_sets: list[Candidate]) -> list[Candidate]:
        """The names that are begun, of data sets that have them alone: others are refused."""
        if not self._situation.typed:
            return []
        names = [one.meaning for one in data_sets]
        return [
            Candidate(one.meaning, one.value)
            for one in data_sets
            if one.meaning and "\\" not in one.meaning and names.count(one.meaning) == 1
        ]

    def _files(self, *, offer: bool) -> list[Candidate]:
        """Paths once `file://` is typed; before that the scheme itself, if `offer`."""
        typed = self._situation.typed
        scheme = scheme_of(typed)
        if scheme is not None:
            return paths(typed[len(scheme) :], prefix=scheme)
        begun = [scheme for scheme in SCHEMES if typed and scheme.startswith(typed)]
        return [Candidate(scheme, "a file", final=False) for scheme in begun or SCHEMES[: int(offer)]]

    @staticmethod
    def _subjects_of_help() -> list[Candidate]:
        from entrepot.cli.aws.help.texts import TOPICS, operation_texts
        from entrepot.cli.commands import COMMANDS

        return [
            Candidate("topics", "the list of topics"),
            *(Candidate(topic.name, topic.summary) for topic in TOPICS),
            *(Candidate(command.name, command.help) for command in COMMANDS if command.group),
            *(Candidate(text.name, text.summary) for text in operation_texts()),
        ]
