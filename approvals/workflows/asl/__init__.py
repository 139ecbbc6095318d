"""A model of the Amazon States Language: parses a definition, and answers questions about its states.

It checks nothing and runs nothing. The linter, the price estimate, the drawing of a workflow and the
restart of an order all read definitions through it.
"""
