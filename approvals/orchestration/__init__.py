"""What this installation runs on Step Functions: the workflows, their Lambda functions and how
both are packed for CloudFormation. Starting an order is one verb here; deciding a review is not."""
