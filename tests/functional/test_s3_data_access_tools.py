"""What S3 data access shares, read by the tools that people have: AWS CLI, rclone, Arrow, DuckDB."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pyarrow import csv, fs
from tests.functional.accounts import Account
from tests.functional.shared_bucket_exchange import LARGE, OBJECTS, SHARED, Place
from tests.functional.tools import aws_cli, rclone

pytestmark = pytest.mark.seaweedfs


def environ_of(account: Account) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return inherited | account.environ() | {"AWS_CONFIG_FILE": os.devnull, "RCLONE_CONFIG": os.devnull}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_aws_cli_lists_copies_and_synchronizes(place: Place, tmp_path: Path) -> None:
    alias = place.aliases[place.receiver.id]

    def aws(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [aws_cli(), "--endpoint-url", place.server.url, "s3", *arguments]
        environ = environ_of(place.receiver)
        return subprocess.run(line, env=environ, capture_output=True, text=True, check=False, cwd=tmp_path)

    listed = aws("ls", "--recursive", f"s3://{alias}/").stdout
    assert all(key in listed for key in SHARED)
    assert "secret" not in listed
    assert aws("cp", f"s3://{alias}/{LARGE}", "large").returncode == 0
    assert (tmp_path / "large").read_bytes() == OBJECTS[LARGE]
    assert aws("sync", f"s3://{alias}", "all").returncode == 0
    assert files_in(tmp_path / "all") == SHARED
    upload = aws("cp", "large", f"s3://{alias}/shared/mine")
    assert upload.returncode == 1
    assert "AccessDenied" in upload.stderr
    url = aws("presign", f"s3://{alias}/shared/a.txt").stdout.strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"the first"


def test_rclone_copies_and_checks(place: Place, tmp_path: Path) -> None:
    environ = environ_of(place.receiver) | {
        "RCLONE_CONFIG_X_TYPE": "s3",
        "RCLONE_CONFIG_X_PROVIDER": "Other",
        "RCLONE_CONFIG_X_ENV_AUTH": "true",
        "RCLONE_CONFIG_X_REGION": "us-east-1",
        "RCLONE_CONFIG_X_ENDPOINT": place.server.url,
    }
    remote = f"x:{place.aliases[place.receiver.id]}"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [rclone(), *arguments]
        return subprocess.run(line, env=environ, capture_output=True, text=True, check=False)

    assert run("copy", remote, str(tmp_path)).returncode == 0
    assert files_in(tmp_path) == SHARED
    assert run("check", remote, str(tmp_path)).returncode == 0
    assert run("cat", f"{remote}/shared/a.txt").stdout == "the first"
    assert run("deletefile", f"{remote}/shared/a.txt", "--retries", "1").returncode != 0


def test_arrow_reads_tables_where_they_are(place: Place) -> None:
    receiver = place.receiver
    s3 = fs.S3FileSystem(
        access_key=receiver.access_key_id,
        secret_key=receiver.secret_access_key,
        endpoint_override=place.server.url.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
    )
    alias = place.aliases[receiver.id]
    found = s3.get_file_info(fs.FileSelector(alias, recursive=True))
    assert {each.path.removeprefix(f"{alias}/") for each in found if each.is_file} == set(SHARED)
    assert s3.get_file_info(f"{alias}/shared").type is fs.FileType.Directory
    with s3.open_input_stream(f"{alias}/catalog.csv") as stream:
        assert csv.read_csv(stream).to_pydict() == {"name": ["luna", "sol"], "size": [1, 2]}
    with s3.open_input_file(f"{alias}/{LARGE}") as file:
        file.seek(1_000_000)
        assert file.read(300) == OBJECTS[LARGE][1_000_000:1_000_300]
    with pytest.raises(OSError, match="ACCESS_DENIED"):
        s3.open_input_file(f"{alias}/secret/x.txt")


def test_duckdb_queries_tables_where_they_are(place: Place) -> None:
    import duckdb
    import duckdb_extension_httpfs

    (extension,) = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
    receiver, alias = place.receiver, place.aliases[place.receiver.id]
    with duckdb.connect() as database:
        database.execute(f"LOAD '{extension}'")
        database.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{receiver.access_key_id}', URL_STYLE 'path', USE_SSL false, "
            f"SECRET '{receiver.secret_access_key}', REGION 'us-east-1', "
            f"ENDPOINT '{place.server.url.removeprefix('http://')}')"
        )
        table = f"read_parquet('s3://{alias}/shared/tables/*.parquet')"
        found = database.execute(f"SELECT count(*), sum(n) FROM {table} WHERE n >= 5000").fetchall()
        assert found == [(5_000, sum(range(5_000, 10_000)))]
        files = database.execute(f"SELECT file FROM glob('s3://{alias}/**')").fetchall()
        assert {file.removeprefix(f"s3://{alias}/") for (file,) in files} == set(SHARED)
        with pytest.raises(duckdb.Error, match="403"):
            database.execute(f"SELECT * FROM 's3://{alias}/secret/x.txt.csv'")
