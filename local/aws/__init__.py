"""The local AWS account for development: moto, completed to behave as AWS documents.

`python -m local.aws` serves one account on one port, in memory. `start()` runs that as a child
process and `deploy()` creates a CloudFormation stack in it. Only that process imports moto.

What AWS documents and plain moto does otherwise, and the modules that replace it:

- task tokens, and the calls that answer them: `task_tokens`, `state_attempts`
- executions: `executions`, `execution_descriptions`, `execution_history`, `status_events`, `executor`
- redrive: `redrive`, `execution_progress`
- versions and aliases of state machines: `state_machine_versions`
- workflows that start workflows: `nested_workflows`
- distributed Maps: `distributed_maps`, `definition_parsing`, and the modules `map_*`
- definitions that are refused: `definition_checks`
- limits and pages of requests: `length_limits`, `pagination`
- simultaneous consumers of an SQS queue: `queue_locking`
- bucket policies about TLS: `bucket_policies`
- Lambda, without Docker: `lambda_functions`
- CloudFormation: `cloudformation`, and the modules `cloudformation_*`

Not replaced: JSONata, and with it variables; of a distributed Map, ItemsPointer, CSVDelimiter,
Parquet and manifests; of a redrive, its limits of days and events; the five minutes of an EXPRESS
workflow; IAM, which allows everything.
"""

from __future__ import annotations

from local.aws.account import Account, start
from local.aws.deployment import deploy

__all__ = ["Account", "deploy", "start"]
