"""The exercises of notebook 2, maximum likelihood.

References here are written as a student would write them, from torch's own functions. The tests hold them
against `lecture_lib.likelihood`.
"""
