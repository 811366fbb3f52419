"""What is configured: the environment, the profile that applies, and the order in which they are asked.

For nearly everything that order is: the command line (its options are not here), environment variables, the
profile in the credentials file, the profile in the config file. Files are read once, when they are first
needed; nothing here reaches for the network.
"""

from __future__ import annotations

import os.path

from entrepot.client.client_errors import ClientConfigurationError, ProfileNotFound, SettingInvalid
from entrepot.client.config_file import expand, read_config, read_sections
from entrepot.settings.environment import data_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrepot.client.config_file import ConfigFile, Section, Sections, Value

PROFILE_OF_DATA_DIRECTORY = "entrepot"
"""The profile that the server writes into its data directory."""


class Files:
    """The config and credentials files of the user, parsed."""

    __slots__ = ("config", "credentials", "profiles")

    def __init__(self, config: ConfigFile | None, credentials: Sections | None) -> None:
        self.config = config
        """None where there is no such file; so with `credentials`."""
        self.credentials = credentials
        self.profiles: Sections = {} if config is None else {n: dict(p) for n, p in config.profiles.items()}
        """Every profile of both files; what the credentials file says wins."""
        for name, section in (credentials or {}).items():
            self.profiles.setdefault(name, {}).update(section)


class Configuration:
    __slots__ = ("_data_directory_profile", "_files", "_option", "config_path", "credentials_path", "environ")

    def __init__(self, environ: Mapping[str, str], profile: str | None = None) -> None:
        """`profile` is the one that the command line names; like there, an empty one counts as none."""
        self.environ = environ
        self.config_path = expand(environ.get("AWS_CONFIG_FILE", "~/.aws/config"), environ)
        self.credentials_path = expand(
            environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), environ
        )
        self._option = profile or None
        self._files: Files | None = None
        self._data_directory_profile: Section | None = None

    @property
    def named_by_option(self) -> bool:
        """Whether the command line names a profile: keys in the environment do not count then."""
        return self._option is not None

    @property
    def profile(self) -> str | None:
        """The name of the profile that applies; None where nothing names one, which means `default`."""
        return self._option or self._profile_of_environment()

    def use_profile(self, profile: str | None) -> None:
        """The profile that the command line names, now that it is parsed."""
        self._option = profile or None

    def files(self) -> Files:
        """The user's files, read at the first call. Raises ConfigFileInvalid."""
        if self._files is None:
            self._files = Files(read_config(self.config_path), read_sections(self.credentials_path))
        return self._files

    def section(self) -> Section:
        """The profile that applies. Raises ProfileNotFound, ConfigFileInvalid.

        Where nothing names a profile, it is `default` and may be absent; a profile that is named must exist.
        """
        return self._section(self.profile)

    def setting(self, key: str | None, *variables: str) -> str | None:
        """The first of these variables that is set, else the profile's key. Empty counts as set.

        Raises ProfileNotFound, ConfigFileInvalid, SettingInvalid.
        """
        for variable in variables:
            if variable in self.environ:
                return self.environ[variable]
        return None if key is None else _text(key, self.section().get(key))

    def flag(self, key: str, variable: str) -> bool:
        """A setting that is on when it says `true`, in capitals or not, and else off. Raises as `setting`."""
        return (self.setting(key, variable) or "").lower() == "true"

    def number(self, key: str, variable: str, default: int) -> int:
        """A setting that is a whole number. Raises as `setting`."""
        text = self.setting(key, variable)
        return default if text is None else integer(text)

    def service_setting(self, key: str) -> str | None:
        """What the `services` section that the profile names says of this service.

        Raises as `setting`; SettingInvalid also where there is no such section.
        """
        name = _text("services", self.section().get("services"))
        if name is None:
            return None
        config = self.files().config
        services = {} if config is None else config.services.get(name)
        if not services:
            raise SettingInvalid(
                f'The profile is configured to use the services section but the "{name}" services '
                "configuration does not exist."
            )
        service = services.get("dataexchange", {})
        if isinstance(service, str):
            raise SettingInvalid("dataexchange must be a section, not one value")
        return service.get(key)

    def data_directory_setting(self, key: str) -> str | None:
        """What the profile of the data directory says: the last place for Region, keys and endpoint.

        Each of them is looked for by itself, and only where a server was ever started there is one.
        Raises ConfigFileInvalid.
        """
        if self._data_directory_profile is None:
            folder = os.path.join(data_directory(self.environ), "aws")  # noqa: PTH118 - pathlib costs 5 ms of start
            config = read_config(os.path.join(folder, "config"))  # noqa: PTH118
            credentials = read_sections(os.path.join(folder, "credentials"))  # noqa: PTH118
            self._data_directory_profile = Files(config, credentials).profiles.get(
                PROFILE_OF_DATA_DIRECTORY, {}
            )
        return _text(key, self._data_directory_profile.get(key))

    def output(self) -> str:
        """The output format; not checked. Raises as `setting`."""
        return _default(self.setting("output", "AWS_DEFAULT_OUTPUT"), "json")

    def pager(self) -> str:
        """The pager's command line; an empty one means none. Raises as `setting`."""
        for text in (self.setting("cli_pager", "AWS_PAGER"), self.environ.get("PAGER")):
            if text is not None:
                return text
        return "more" if os.name == "nt" else "less"

    def timestamp_format(self) -> str:
        """`iso8601` or `wire`. A profile that does not exist is no error yet.

        Raises ClientConfigurationError for any other.
        """
        given = self._lenient("cli_timestamp_format", "iso8601")
        if given not in {"iso8601", "wire"}:
            raise ClientConfigurationError(
                f'Unknown cli_timestamp_format value: {given}, valid values are "wire" or "iso8601"'
            )
        return str(given)

    def binary_format(self) -> str:
        """`base64` or `raw-in-base64-out`. A profile that does not exist is no error yet.

        Raises SettingInvalid for any other.
        """
        given = self._lenient("cli_binary_format", "base64")
        if given not in ("base64", "raw-in-base64-out"):
            raise SettingInvalid(repr(given))
        return str(given)

    def auto_prompt(self) -> str:
        """`on`, `on-partial`, or anything else for off.

        This is decided before the command line is parsed, so that the environment alone names the profile.
        """
        given = self.environ.get("AWS_CLI_AUTO_PROMPT")
        if given is None:
            try:
                section = self._section(self._profile_of_environment())
            except ProfileNotFound:
                return "off"
            given = _text("cli_auto_prompt", section.get("cli_auto_prompt"))
        return "off" if given is None else given.lower()

    def _lenient(self, key: str, default: str) -> Value:
        try:
            return self.section().get(key, default)
        except ProfileNotFound:
            return default

    def _profile_of_environment(self) -> str | None:
        return self.environ.get("AWS_PROFILE", self.environ.get("AWS_DEFAULT_PROFILE"))

    def _section(self, profile: str | None) -> Section:
        profiles = self.files().profiles
        if profile is None:
            return profiles.get("default", {})
        if profile not in profiles:
            raise ProfileNotFound(profile)
        return profiles[profile]


def integer(text: str) -> int:
    """The number, as Python reads one. Raises SettingInvalid with Python's own text."""
    try:
        return int(text)
    except ValueError as error:
        raise SettingInvalid(str(error)) from error


def _text(key: str, value: Value | None) -> str | None:
    if isinstance(value, dict):
        raise SettingInvalid(f"{key} must be one value, not a section")
    return value


def _default(value: str | None, default: str) -> str:
    return default if value is None else value
