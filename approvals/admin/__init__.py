"""The admin site, for operators and auditors: Django's lists and rows to look at, and forms that call verbs.

Nothing here saves a model. The page of a row is read only and takes no POST; what changes something has
a page of its own (`Page.action_urls`), outside any transaction, so that its verb can have one. A module
has the pages of one subject; `urls` registers them for their models.
"""
