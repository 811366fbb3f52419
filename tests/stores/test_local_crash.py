"""What a writer leaves that is killed: the old object or the new one, and uploads to go on with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.stores.objects import get

from entrepot.domain.errors import ObjectNotFound
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalStore

_WRITER = """
import sys
from pathlib import Path
from entrepot.stores.local import LocalStore

store = LocalStore(Path(sys.argv[1]))
for number in range(1, 1000):
    data = bytes([number % 256]) * 2_000_000
    if sys.argv[2] == "put":
        store.put("object", memoryview(data), len(data))
    else:
        upload_id = store.begin_upload("object")
        print(upload_id, flush=True)
        view = memoryview(data)
        parts = [store.upload_part("object", upload_id, n + 1, view[n * 10**6 :][: 10**6]) for n in (0, 1)]
        store.finish_upload("object", upload_id, parts)
    print("stored", flush=True)
"""


@pytest.mark.parametrize("way", ["put", "upload"])
@pytest.mark.parametrize("lines", [1, 4, 7])
def test_a_killed_writer_leaves_a_whole_object(tmp_path: Path, way: str, lines: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "root"), way], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        seen = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.kill()
    store = LocalStore(tmp_path / "root")
    try:
        data = get(store, "object")
    except ObjectNotFound:
        assert "stored" not in seen
        return
    assert data == data[:1] * 2_000_000
    assert store.head("object").checksum == checksum_of(data)


def test_an_upload_whose_writer_was_killed_is_finished_by_another(tmp_path: Path) -> None:
    waiting = "print('sent', flush=True); sys.stdin.read(); store.finish_upload"
    code = _WRITER.replace("store.finish_upload", waiting)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "root"), "upload"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        upload_id, sent = writer.stdout.readline().strip(), writer.stdout.readline().strip()
        writer.kill()
    assert sent == "sent"
    store = LocalStore(tmp_path / "root")
    with pytest.raises(ObjectNotFound):
        store.head("object")
    parts = store.uploaded_parts("object", upload_id)
    assert [part.size_bytes for part in parts] == [10**6, 10**6]
    store.finish_upload("object", upload_id, parts)
    assert get(store, "object") == b"\1" * (2 * 10**6)
