"""Reads any workflow definition in the Amazon States Language: a model of it, a linter and a price estimate.

Imports neither Django nor the service, so that other projects can run it alone.
"""
