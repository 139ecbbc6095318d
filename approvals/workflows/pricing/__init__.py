"""What a workflow costs a month: transitions counted on its definition, priced from one data file.

Nothing here asks AWS: the price is an estimate before anything runs, and says what it assumes.
"""
