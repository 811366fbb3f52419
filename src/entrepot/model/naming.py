"""Member names in Python's form: `DataSetId` becomes `data_set_id`, as users of boto3 know them."""

from __future__ import annotations

import re

# A word begins at a capital after a small letter or digit, and at the last one of a run: `S3|Data`, `LF|Tag`.
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """The snake_case form of a CapitalCase name of the model; what `botocore.xform_name` gives for it."""
    return _WORD_BEGINS.sub("_", name).lower()


def lower_camel(name: str) -> str:
    """The form in which AWS's validation messages name a member: `DataSetId` becomes `dataSetId`."""
    return name[:1].lower() + name[1:]
