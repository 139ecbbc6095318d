"""What comes in from SQS: messages that become reviews, dead letters, and status events of executions."""
