"""Every change of state, one verb a function: lock, check, change, record, in one transaction.

Verbs do not call verbs; a runner calls them one by one. All surfaces call the same verbs, and translate
the errors they raise. What verbs share is in `approvals.records`.
"""
