"""The order's row in the status table, as the order workflow itself writes it to DynamoDB."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from approvals.orchestration.lambdas import ledger

COMPLETED = "3"  # within an attempt `status_order` only grows: 1 begun, 2 rolling back, 3 ended
# The row belongs to the attempt that started last; a late write of an older one is refused.
OWNS_ROW = (
    "attribute_not_exists(order_id) OR attempt_started < :started"
    " OR (execution_arn = :mine AND status_order <= :order)"
)


def complete(order_id: str, execution_arn: str, started: str) -> None:
    """Record that the order is fulfilled, unless the row belongs to a newer execution."""
    try:
        ledger.dynamodb().put_item(
            TableName=os.environ["ORDER_STATUS_TABLE"],
            Item={
                "order_id": {"S": order_id},
                "status": {"S": "COMPLETED"},
                "reason": {"S": "shipped"},
                "status_order": {"N": COMPLETED},
                "execution_arn": {"S": execution_arn},
                "attempt_started": {"S": started},
                "updated_at": {"S": datetime.now(UTC).isoformat()},
            },
            ConditionExpression=OWNS_ROW,
            ExpressionAttributeValues={
                ":mine": {"S": execution_arn},
                ":started": {"S": started},
                ":order": {"N": COMPLETED},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
