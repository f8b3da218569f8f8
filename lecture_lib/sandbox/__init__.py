"""What runs beside a student's code: `call` and `adapters` also in the notebook, the rest in the grader's sandbox."""
