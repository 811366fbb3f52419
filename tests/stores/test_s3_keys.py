"""Any key at all, on a real server: it comes back as it went, or the server itself refuses it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.stores.objects import get, put

from entrepot.domain.errors import InvalidStoreRequest
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client

pytestmark = pytest.mark.seaweedfs

awkward = st.sampled_from(
    ["/", "//", "..", ".", "%", "+", " ", "%2F", "é", "🚢", "~", "\\", "&", "?", "#", "a"]
)
keys = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    st.lists(awkward, min_size=1, max_size=12).map("".join),
).filter(lambda key: len(key.encode()) <= 1024)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys)
def test_any_key_comes_back_or_is_refused_by_the_server(client: S3Client, key: str) -> None:
    # SeaweedFS keeps a key that ends in a slash as a folder, without its bytes, lists `a//b` as `a/b`, and
    # takes a backslash for a slash in both.
    assume(not key.endswith(("/", "\\")))
    store = S3Store(client, "one", "keys/")
    data = key.encode()
    try:
        put(store, key, data)
    except InvalidStoreRequest as refused:
        assert " 400 " in refused.message  # noqa: PT017 - it must be the server that refused
        return
    assert get(store, key) == data
    assert store.head(key).size_bytes == len(data)
    if "//" not in key and not key.startswith("/") and "\\" not in key:
        assert key in [each.key for each in store.list(key, limit=5)]
    store.delete(key)
