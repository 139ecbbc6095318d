"""The order workflow's Lambda functions: one module each, with a `handler(event, context)`.

They are deployed as a zip that keeps this package path, so a handler has one name on AWS and in
the local account: `approvals.orchestration.lambdas.validate_order.handler`. Nothing here imports
Django or any other package of `approvals`; boto3 comes with the Lambda runtime.
"""
