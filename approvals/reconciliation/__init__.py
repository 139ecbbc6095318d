"""Asks Step Functions what became of a token or an execution, and calls the actions that follow from it.

A history proves what it holds; what is missing from it proves nothing, because AWS promises no
consistency. An ended execution has no open token: that, too, is a proof.
"""
