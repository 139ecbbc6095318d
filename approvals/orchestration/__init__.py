"""What this installation runs on Step Functions: the workflows, their Lambda functions and how
both are packed for CloudFormation; what is wrong with a workflow, and what it costs. Starting an
order is one verb here; deciding a review is not."""
