"""The example of every operation, run by a shell against a real exchange."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from tests.functional.local_exchange import Goods, LocalExchange, local_exchange
from tests.servers.exchanges import Exchange

from entrepot.cli.aws.help.texts import OperationText, operation_texts

MISSING = "0" * 32
NOT_YET = {"Data grants", "Event actions and notifications"}
"""Groups of operations that nothing can be created with yet."""


@pytest.fixture(scope="module")
def exchange(sigv4_exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExchange]:
    with local_exchange(sigv4_exchange, tmp_path_factory.mktemp("examples")) as running:
        yield running


def variables(goods: Goods, name: str) -> dict[str, str]:
    """The variables that examples use."""
    return {
        "DATA_SET": goods.data_set_id,
        "REVISION": goods.revision_id,
        "ASSET": goods.asset_id,
        "JOB": goods.waiting_job_id if name in {"start-job", "cancel-job"} else goods.job_id,
        "RESOURCE_ARN": goods.data_set_arn,
        "BUCKET": "a-bucket",
        "EVENT_ACTION": MISSING,
        "GRANT": MISSING,
        "GRANT_ARN": f"arn:aws:dataexchange:us-east-1:123456789012:data-grants/{MISSING}",
    }


@pytest.fixture(scope="module")
def lasting(exchange: LocalExchange) -> Goods:
    """For the operations that change nothing."""
    return exchange.stock()


@pytest.mark.parametrize("text", operation_texts(), ids=lambda text: text.name)
def test_an_example_runs(text: OperationText, exchange: LocalExchange, lasting: Goods) -> None:
    goods = lasting if text.name.startswith(("get-", "list-")) else exchange.stock()
    if text.name == "revoke-revision":
        exchange.client.update_revision(
            DataSetId=goods.data_set_id, RevisionId=goods.revision_id, Finalized=True
        )
    done = subprocess.run(
        ["sh", "-ec", "\n".join(text.command)],
        env=exchange.environ | variables(goods, text.name),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if text.name == "send-api-asset":
        # The asset of the example is a file.
        assert (done.returncode, "it cannot be called" in done.stderr) == (254, True), done.stderr
    elif text.group in NOT_YET:
        # It is refused, if at all, by the service: as a command line it is right.
        assert done.returncode in {0, 254}, done.stderr
    else:
        assert (done.returncode, done.stderr if text.name != "start-job" else "") == (0, "")
