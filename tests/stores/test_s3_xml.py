"""What is no XML document is told apart from one, whatever is wrong with it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from entrepot.stores.s3_xml import NotXml, error_document, parse

COPIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag></CopyObjectResult>"
)


def test_one_flipped_bit_leaves_a_document_or_none() -> None:
    for bit in range(len(COPIED) * 8):
        flipped = bytearray(COPIED)
        flipped[bit // 8] ^= 1 << bit % 8
        with suppress(NotXml):
            parse(bytes(flipped))


@pytest.mark.parametrize("encoding", ["UPF-8", "UTF-7", "UTF-32", "idna", "base64", "rot13", "x" * 99, " "])
def test_an_encoding_that_is_none_makes_no_document(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding}"?><Error><Code>NoSuchKey</Code></Error>'.encode()
    with pytest.raises(NotXml):
        parse(declared)
    assert error_document(declared) is None
