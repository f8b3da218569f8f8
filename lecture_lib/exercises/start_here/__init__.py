"""The exercise of notebook 0: how a check works."""
