"""The instructor's side: releasing the notebooks."""
