"""What works beside the student's function: in the notebook, and in the sandbox of the grader."""

from lecture_lib.answers.call import Call, Outcome, Seed, call_in_process

__all__ = ["Call", "Outcome", "Seed", "call_in_process"]
