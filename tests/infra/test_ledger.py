"""Ledger: what was remembered is not forgotten by mistake."""

from tests.infra.deployed import Deployed


def test_ledger_is_paid_by_use_encrypted_recoverable_and_protected(deployed: Deployed) -> None:
    assert deployed.named("LedgerTable").properties == {
        "KeySchema": [{"AttributeName": "conversation_id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "conversation_id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
    }


def test_ledger_outlives_the_stack_and_is_never_in_the_way_of_the_next_deployment(deployed: Deployed) -> None:
    """If the rollback of a first deployment tried to delete the table, its protection would fail it."""
    assert deployed.named("LedgerTable").deletion == "Retain"
    assert "TableName" not in deployed.named("LedgerTable").properties
