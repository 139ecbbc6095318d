"""The requests and responses of the API, a module a noun, with every field named.

So a model's column is never shown by accident, and an unknown name is refused. Classes named
`...Body`, `...Query` and `...Filter` are requests, those named `...Answer` are responses; the names are
those of the OpenAPI document's components.
"""
