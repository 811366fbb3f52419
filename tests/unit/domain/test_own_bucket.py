"""By which names the exchange's own bucket is known, and which of its keys may be anybody's."""

from __future__ import annotations

import pytest

from entrepot.domain.own_bucket import OwnBucket

OWN = OwnBucket("own", "exchange/", "http://s3.server")
AT_AWS = OwnBucket("own", "exchange/", None)
HERE = OwnBucket("own", "exchange/", "http://127.0.0.1:9000")


@pytest.mark.parametrize(
    ("own", "bucket", "endpoint_url"),
    [
        *(
            (OWN, "own", url)
            for url in (
                "http://s3.server",
                "http://s3.server/",
                "http://s3.server//",
                "http://S3.Server",
                "http://s3.server.",
                "http://s3.server:80",
                "https://s3.server",
                "https://s3.server:443",
                "http://own.s3.server",
                "http://OWN.s3.server/",
                "http://s3.server/own",
                "http://s3.server/./own",
                "http://user@s3.server",
                "http://s3%2eserver",
            )
        ),
        (OWN, "OWN", "http://s3.server"),
        (OWN, "own.", "http://s3.server"),
        (OWN, "exchange", "http://own.s3.server"),
        (OWN, "exchange", "http://s3.server/own"),
        (OWN, "exchange", "http://s3.server//Own/"),
        (OwnBucket("own", "", "http://own.s3.server"), "own", "http://s3.server"),
        (OwnBucket("own", "", "http://s3.server/tenant"), "own", "http://s3.server/tenant/"),
        (OwnBucket("own", "", "http://s3.server/tenant"), "tenant", "http://s3.server"),
        (OwnBucket("own", "", "http://bücher.example"), "own", "http://xn--bcher-kva.example"),
        *(
            (AT_AWS, "own", url)
            for url in (
                None,
                "aws",
                "https://s3.amazonaws.com",
                "https://s3.us-east-1.amazonaws.com",
                "https://s3-eu-west-1.amazonaws.com:443",
                "https://s3.dualstack.us-west-2.amazonaws.com",
                "https://s3-accelerate.amazonaws.com",
                "https://own.s3.us-east-1.amazonaws.com",
                "https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com",
                "https://s3.cn-north-1.amazonaws.com.cn",
            )
        ),
        (OwnBucket("own", "", "https://s3.eu-west-1.amazonaws.com"), "own", None),
        *(
            (HERE, "own", f"http://{host}:9000")
            for host in (
                "127.0.0.1",
                "localhost",
                "LOCALHOST",
                "own.localhost",
                "127.1",
                "2130706433",
                "0x7f.1",
                "127.0.0.2",
                "[::1]",
                "[0:0:0:0:0:0:0:1]",
                "[::ffff:127.0.0.1]",
                "0.0.0.0",
            )
        ),
    ],
)
def test_the_bucket_is_the_same_however_its_place_is_written(
    own: OwnBucket, bucket: str, endpoint_url: str | None
) -> None:
    assert own.is_at(bucket, endpoint_url)


@pytest.mark.parametrize(
    ("own", "bucket", "endpoint_url"),
    [
        (OWN, "own", "http://another.server"),
        (OWN, "own", "http://s3.server:9000"),
        (OWN, "own", "http://s3.server.example"),
        (OWN, "own", None),
        (OWN, "mine", "http://s3.server"),
        (OWN, "own2", "http://s3.server"),
        (OWN, "own", "http://s3.server/tenant"),
        (AT_AWS, "own", "https://amazonaws.com.example"),
        (AT_AWS, "own", "https://notamazonaws.com"),
        (AT_AWS, "mine", "https://s3.us-east-1.amazonaws.com"),
        (HERE, "own", "http://127.0.0.1:9001"),
        (HERE, "mine", "http://localhost:9000"),
    ],
)
def test_another_bucket_is_another_bucket(own: OwnBucket, bucket: str, endpoint_url: str | None) -> None:
    assert not own.is_at(bucket, endpoint_url)


@pytest.mark.parametrize("key", ["", "mine/a", "exchanged", "a/exchange/b", "exchange"])
def test_what_lies_outside_of_the_prefix_is_others_only_where_the_bucket_is_shared(key: str) -> None:
    assert not OWN.leaves_to_others(key)
    assert OwnBucket("own", "exchange/", None, is_shared=True).leaves_to_others(key)


@pytest.mark.parametrize(
    "key",
    [
        "exchange/",
        "exchange/assets/a",
        "/exchange/assets/a",
        "//exchange/assets/a",
        "\\exchange/assets/a",
        "exchange\\assets\\a",
        "exchange//assets/a",
        "Exchange/assets/a",
        "%65xchange/assets/a",
        "exchange%2fassets/a",
        "%2fexchange/a",
        "\N{FULLWIDTH LATIN SMALL LETTER E}xchange/a",
        "./exchange/a",
        "a/../exchange/a",
        "a\\..\\exchange/a",
        "a/%2e%2e/exchange/a",
    ],
)
def test_no_spelling_of_a_key_under_the_prefix_is_others(key: str) -> None:
    assert not OwnBucket("own", "exchange/", None, is_shared=True).leaves_to_others(key)


@pytest.mark.parametrize("key", ["", "a", "anything/else"])
def test_without_a_prefix_all_of_the_bucket_is_the_exchanges(key: str) -> None:
    assert not OwnBucket("own", "", None, is_shared=True).leaves_to_others(key)
