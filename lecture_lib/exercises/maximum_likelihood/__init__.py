"""The exercises of notebook 2, maximum likelihood.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.likelihood`.
"""

SMALL_NUMBERS = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-20, 1e-30)
