"""Generative models, from histograms to GANs: reference implementations for the course's notebooks.

Read the modules in the lecture's order: `data`, `histogram`, `evaluate`, `plots`, `likelihood`, `flows`, `gans`, and
`applications`.
`fast` gives the same numbers sooner, and `checks` stands at the door: read them last, if at all.
Two questions run through all of them: `log_prob(x)` (inference) and `sample(n)` (sampling).
"""


def _load() -> None:
    """PyTorch takes seconds to load, and longer just after it was installed: in a notebook a line says so meanwhile."""
    import sys

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if hasattr(shell, "kernel") and "torch" not in sys.modules:
        from IPython.display import display

        words = {"text/plain": "Loading PyTorch: some seconds, and up to a minute the first time ..."}
        line = display(words, raw=True, display_id=True)
        sys.stdout.flush()  # so that the line is sent before PyTorch keeps Python busy
        import torch  # noqa: F401

        line.update({"text/plain": "Ready."}, raw=True)


_load()
