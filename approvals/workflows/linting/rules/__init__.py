"""The rules of the linter, a module for each subject; `docs/workflows.md` lists them."""
