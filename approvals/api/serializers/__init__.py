"""What the API takes and answers, a module a noun: every field is named.

So a column of a model never shows by accident, and a name that is not known is refused. Classes named
`...Body`, `...Query` and `...Filter` are requests, those named `...Answer` are responses; the names are
those of the OpenAPI document's components.
"""
