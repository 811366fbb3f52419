from __future__ import annotations

import os
import re

from entrepot.domain.access_key import new_access_key


def test_a_new_key_has_the_form_of_one_of_aws() -> None:
    access_key_id, secret_access_key = new_access_key(os.urandom)
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", secret_access_key)


def test_all_of_its_randomness_comes_from_outside() -> None:
    assert new_access_key(bytes) == ("AKIA" + "A" * 16, "A" * 40)
    assert new_access_key(os.urandom) != new_access_key(os.urandom)
