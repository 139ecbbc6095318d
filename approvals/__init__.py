"""Countersign: a human-in-the-loop approval service for AWS Step Functions. How data flows through it:

SQS | POST reviews -> gateways/sqs -> polling -> messages -> actions/intake -> ReviewTask + audit
    one transaction; then the message is deleted from SQS
reviewer -> web | api | webhook | admin -> policy -> actions/decisions -> Decision + outbox + audit
    one transaction
wake-up (Celery) | worker -> delivery -> records/outbox: lease -> gateways -> conclude + audit
    the lease is committed before the call, its result after the call
result that proves nothing -> reconciliation (execution history) -> actions/lifecycle
order -> api | command -> actions/orders -> OrderExecution + outbox -> delivery -> StartExecution
file of orders -> orchestration/batches -> actions/batches -> OrderExecution + outbox
status event (EventBridge -> SQS -> polling) | worker -> reconciliation -> actions/lifecycle, actions/orders
    ends the reviews and orders whose execution has ended

What comes in takes one path, and what goes out to AWS takes another; they meet only in the database.
Celery carries wake-ups, and the database carries the state: a lost wake-up costs seconds, never a
decision.
"""
