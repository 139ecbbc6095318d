"""Estimates what a workflow costs a month: counts state transitions on its definition, and prices them.

Prices come from `prices.json`; nothing here asks AWS. The report lists what the estimate assumes.
"""
