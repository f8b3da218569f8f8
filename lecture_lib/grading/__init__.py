"""The instructor's side: releasing the notebooks, and grading what comes back."""

import sys

# nbformat's validation imports this only to check addresses, which notebooks do not have; it takes a second to import
sys.modules.setdefault("rfc3987_syntax", None)
