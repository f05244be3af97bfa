"""The ledger over a connection that loses answers."""

import contextlib

import pytest

from local.lambda_host.model import REGION
from local.system import System
from post_call.ledger import Ledger
from shared.aws import AwsClient
from shared.environment import Environment


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_claim_whose_answers_were_lost_counts_once(system: System, lost: int) -> None:
    variables = {**system.aws.environment, "AWS_REGION": REGION, "LEDGER_TABLE": system.ledger_table}
    with contextlib.closing(AwsClient(variables)) as aws:
        claim_twice(Ledger(Environment.parse(variables), aws), system, lost)


def claim_twice(ledger: Ledger, system: System, lost: int) -> None:
    lose = {"operation": "dynamodb:UpdateItem", "count": lost, "refuse": True, "after_work": True}
    system.aws.set_faults(*([lose] if lost else []))
    try:
        entry = ledger.claim(f"conv_lost_{lost}", digest="d", caller="c", steps=["factual", "semantic"])
    finally:
        system.aws.set_faults()
    assert entry.tries == 0
    entry.release(tries=1)
    assert ledger.claim(f"conv_lost_{lost}", digest="d", caller="c", steps=["factual"]).tries == 1
