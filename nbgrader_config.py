"""The course as nbgrader sees it: solutions/ is the source, notebooks/ is the release, grading/ is private."""

from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import ClearHiddenTests, GetGrades

c = get_config()  # noqa: F821 (nbgrader's own)
root = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
(root / "grading").mkdir(exist_ok=True)  # git ignores it: submissions, marks, gradebook

c.CourseDirectory.course_id = "generative-models"
c.CourseDirectory.root = str(root)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.submitted_directory = "grading/submitted"
c.CourseDirectory.autograded_directory = "grading/autograded"
c.CourseDirectory.feedback_directory = "grading/feedback"
c.CourseDirectory.db_url = f"sqlite:///{(root / 'grading' / 'gradebook.db').as_posix()}"

c.ClearSolutions.code_stub = {
    "python": "# Write your answer here, in place of the next line.\nraise NotImplementedError"
}
c.Execute.timeout = 120  # seconds a cell; the whole notebook takes less than that
c.OverwriteCells.add_missing_cells = True  # a check that a student deleted comes back
# without the last one, nbgrader's feedback shows the hidden tests
c.GenerateFeedback.preprocessors = [GetGrades, CSSHTMLHeaderPreprocessor, ClearHiddenTests]
# what students wrote, for a teacher's browser: only links and elements that do nothing, in finite time
c.HTMLExporter.filters = {
    "markdown2html": "lecture_lib.grading.markdown.as_html",
    "highlight_code": "lecture_lib.grading.markdown.as_code",
}
