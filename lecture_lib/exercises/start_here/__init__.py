"""The exercises of notebook 0: how a check works, and six tools of torch."""
