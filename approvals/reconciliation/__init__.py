"""Asks Step Functions what became of a token or an execution, and calls the actions that follow from it.

An event in an execution history is a proof; a missing one proves nothing, because AWS promises no
consistency. That an execution has ended is a proof too: it has no open token.
"""
