"""A bucket at a server that plays a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.servers.scripted_http import Scripted, ScriptedServer, answer, scripted_server

from entrepot.http.pool import ConnectionOptions
from entrepot.stores.credentials import CredentialSource, StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Options

OK = answer(200, headers=[("ETag", '"abc"')])


def found(body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    return answer(200, body, [("ETag", '"abc"'), *headers])


@contextmanager
def bucket_at(
    url: str | None,
    *,
    connection: ConnectionOptions | None = None,
    credentials: CredentialSource | None = None,
    read_seconds: float = 5.0,
    pause_seconds: float = 0.001,
    **options: float,
) -> Iterator[S3Store]:
    client = S3Client(
        credentials or StaticCredentials("key", "secret"),
        endpoint_url=url,
        options=S3Options(
            connection=connection or ConnectionOptions(connect_seconds=2, read_seconds=read_seconds),
            pause_seconds=pause_seconds,
            **options,  # type: ignore[arg-type]
        ),
    )
    try:
        yield S3Store(client, "bucket")
    finally:
        client.close()


@contextmanager
def playing(*script: Scripted | bytes, **options: float) -> Iterator[tuple[S3Store, ScriptedServer]]:
    with scripted_server(*script) as server, bucket_at(server.url, **options) as store:  # type: ignore[arg-type]
        yield store, server
