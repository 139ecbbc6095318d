"""Countersign: a human-in-the-loop approval service for AWS Step Functions. The walk:

SQS -> gateways/sqs -> polling -> messages -> actions/intake -> ReviewTask + audit
    one transaction, then the message is deleted
reviewer -> web | api -> policy -> actions/decisions -> Decision + outbox + audit
    one transaction
hint (Celery) | sweeper -> delivery -> outbox lease -> gateways/stepfunctions -> outbox + audit
    the lease is committed before the call, the answer after it
order -> api | command -> orchestration -> OrderExecution + outbox -> delivery -> StartExecution

What comes in takes one road, what leaves for AWS another; they meet only in the database. Celery
carries hints; the database carries truth. A lost hint costs seconds, never a decision.
"""
