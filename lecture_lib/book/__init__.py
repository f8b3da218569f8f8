"""The course as a web site that plays without a kernel: `python -m lecture_lib book`."""
