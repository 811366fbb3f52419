"""What the page on events says is so."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from entrepot.domain.event import DetailType
from entrepot.events import senders
from entrepot.events.deliveries import Pace
from entrepot.events.senders import ATTEMPT_HEADER, DELIVERY_HEADER, SIGNATURE_HEADER, signature

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


def test_the_check_of_a_signature_does_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    defined: dict[str, Any] = {}
    exec(code, defined)
    is_genuine, now = defined["is_genuine"], int(time.time())
    header = signature("whsec_x", now, b'{"a": 1}')
    assert is_genuine("whsec_x", header, b'{"a": 1}')
    assert not is_genuine("whsec_y", header, b'{"a": 1}')
    assert not is_genuine("whsec_x", header, b'{"a": 2}')
    assert not is_genuine("whsec_x", header.replace(str(now), str(now + 1)), b'{"a": 1}')
    assert not is_genuine("whsec_x", signature("whsec_x", now - 600, b"{}"), b"{}")


def test_every_type_is_in_the_table() -> None:
    shortened = re.sub(
        r"^(Revision Published)(?! To Data Set)(?= To)", "…", "\n".join(DetailType), flags=re.MULTILINE
    )
    assert {name for name in shortened.splitlines() if f"`{name}`" not in PAGE} == set()


def test_headers_and_numbers_are_right() -> None:
    assert all(f"`{name}`" in PAGE for name in (SIGNATURE_HEADER, DELIVERY_HEADER, ATTEMPT_HEADER))
    assert f"within {senders.ANSWER_SECONDS:g} seconds" in PAGE
    assert f"{Pace().attempts} times" in PAGE
