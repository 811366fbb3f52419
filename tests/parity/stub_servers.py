"""All that one worker's cases talk to: stub servers, certificates, a dead port and one that never speaks."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parity import certificates
from tests.parity.answers import Answer
from tests.parity.conversation import Conversation, Request
from tests.parity.stub_server import StubServer, stub_server

_LOOP_BACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):\d+")


@dataclass(frozen=True, slots=True)
class StubServers:
    """It serves one command after another, never two at a time: what arrives belongs to the present one."""

    authority: Path
    """The certificate to trust."""
    servers: dict[str, StubServer]
    """By the word with which cases name their URLs."""
    dead_port: int
    silent_port: int

    def begin(self, script: Sequence[Answer] = (), *, tunnels: bool = True) -> Conversation:
        """A new conversation, on all servers; the former one is over."""
        conversation = Conversation(script, tunnels=tunnels)
        for server in self.servers.values():
            server.conversation.over.set()
            server.conversation = conversation
        return conversation

    def ports(self) -> dict[str, int]:
        """By the word that stands for the number in recorded texts."""
        return {
            "PORT": self.servers["ENDPOINT"].port,
            "TLSPORT": self.servers["TLS"].port,
            "WRONGPORT": self.servers["TLS_WRONGHOST"].port,
            "SELFPORT": self.servers["TLS_SELFSIGNED"].port,
            "DEADPORT": self.dead_port,
            "SILENTPORT": self.silent_port,
        }

    def urls(self) -> dict[str, str]:
        """By the word that stands for them in a case."""
        urls = {
            name: f"{'http' if name == 'ENDPOINT' else 'https'}://127.0.0.1:{server.port}"
            for name, server in self.servers.items()
        }
        for name, port in (("DEAD", self.dead_port), ("SILENT", self.silent_port)):
            urls |= {name: f"http://127.0.0.1:{port}", f"{name}_TLS": f"https://127.0.0.1:{port}"}
        return urls

    def without_ports(self, text: str) -> str:
        """The text with words for the numbers that differ from run to run."""
        for word, port in self.ports().items():
            text = re.sub(rf"((?<=[:=])|(?<=%3A)){port}(?!\d)", f"{{{word}}}", text)
        return text

    def described(self, requests: Sequence[Request]) -> list[Request]:
        """As cases have them: the host only where it is another machine's, nothing of this run's ports."""
        out = []
        for request in requests:
            told = {**request, "path": self.without_ports(request["path"])}
            if "host" in told and _LOOP_BACK.fullmatch(told["host"]):
                del told["host"]
            out.append(told)
        return out


@contextmanager
def open_stub_servers(folder: Path) -> Iterator[StubServers]:
    """Servers that run, with new certificates, which are left in `folder`."""
    certificates.make_certificates(folder)
    good = folder / certificates.GOOD
    with ExitStack() as stack:
        servers = {
            "ENDPOINT": stack.enter_context(stub_server(tunnel_chain=good)),
            "TLS": stack.enter_context(stub_server(good)),
            "TLS_WRONGHOST": stack.enter_context(stub_server(folder / certificates.WRONG_HOST)),
            "TLS_SELFSIGNED": stack.enter_context(stub_server(folder / certificates.SELF_SIGNED)),
        }
        dead, silent = (stack.enter_context(_bound()) for _ in range(2))
        silent.listen(64)  # connections wait in its queue; nobody takes them
        yield StubServers(
            folder / certificates.AUTHORITY, servers, dead.getsockname()[1], silent.getsockname()[1]
        )


def _bound() -> socket.socket:
    """A port that nobody else can take, with five digits."""
    while True:
        held = socket.socket()
        held.bind(("127.0.0.1", 0))
        if held.getsockname()[1] >= 10_000:
            return held
        held.close()
