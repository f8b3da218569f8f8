"""What works beside the student's function: in the notebook, and in the sandbox of the grader."""
