"""Rows that verbs write and delivery reads: audit events, outbox entries, sealed tokens, wake-ups and others.

Functions here run inside a transaction of their caller. None calls AWS.
"""
