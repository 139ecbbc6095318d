"""`make demo`: starts, watches and stops PostgreSQL, the local AWS account and the service."""
