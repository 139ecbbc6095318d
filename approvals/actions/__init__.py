"""Every change of state, one verb a function: lock, check, change, record, in one transaction.

Verbs do not nest; a runner calls them one by one. Surfaces call them and translate their refusals.
(`orders` is what delivery writes of an order inside the transaction that concludes its attempt.)
"""
