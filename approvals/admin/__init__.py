"""The site for operators and auditors: looking is Django's stock admin, doing is a form that calls a verb.

Nothing here saves a model. Every page of a row is read only and takes no POST; what changes something
is a page of its own (`doors`), outside any transaction, so that its verb can have one. A module a
page group; `urls` says which model has which.
"""
