"""notebooks/ from solutions/: the same notebooks, without answers, hidden tests and outputs.

nbgrader's own preprocessors do the work, configured by nbgrader_config.py, in the order of
`nbgrader generate_assignment`. Only the gradebook is left alone, so that releasing needs no database and the
same source always gives the same bytes.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Collection
from pathlib import Path

from lecture_lib.grading.points import follow
from lecture_lib.grading.settings import CourseError

EXTRA = "This needs nbgrader: pip install -e '.[grade]'"


def released(root: Path) -> dict[Path, bytes]:
    """What notebooks/ should hold: path relative to notebooks/ -> contents.

    Raises CourseError for a notebook with exercises that `grade` could not judge.
    """
    from lecture_lib.grading.course import released as checked

    files = {}
    for source in sorted((root / "solutions").rglob("*")):
        hidden = any(part.startswith((".", "__")) for part in source.relative_to(root).parts)
        if source.is_dir() or hidden:
            continue
        if source.suffix == ".ipynb":
            contents = student_version(source, root)
            checked(source.parent.name, source.stem, contents.decode())
        else:
            contents = source.read_bytes()
        files[source.relative_to(root / "solutions")] = contents
    return files


def student_version(notebook: Path, root: Path) -> bytes:
    """One solution notebook as students get it."""
    try:
        from nbgrader.converters import GenerateAssignment
        from nbgrader.preprocessors import SaveCells
    except ImportError as error:
        raise SystemExit(EXTRA) from error
    from nbconvert.exporters import NotebookExporter
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    exporter = NotebookExporter(config=config)
    for preprocessor in GenerateAssignment().preprocessors:
        if preprocessor is not SaveCells:  # the one that writes the gradebook
            exporter.register_preprocessor(preprocessor, enabled=True)
    text, _ = exporter.from_filename(str(notebook))
    return (text.rstrip("\n") + "\n").encode()


def release(root: Path) -> list[str]:
    """Write notebooks/, after solutions/ has the points of its exercises; returns what changed."""
    changes = follow(root, write=True)
    changes += differences(root)
    files = released(root)
    for path, contents in files.items():
        target = root / "notebooks" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents)
    for path in _present(root) - files.keys():
        (root / "notebooks" / path).unlink()
        with contextlib.suppress(OSError):  # something else lies there
            (root / "notebooks" / path).parent.rmdir()
    return changes


def differences(root: Path) -> list[str]:
    """One line for each file of notebooks/ that is not what solutions/ says; none if all are."""
    files, present = released(root), _present(root)
    lines = follow(root)
    lines += [f"missing    notebooks/{path.as_posix()}" for path in files.keys() - present]
    lines += [f"left over  notebooks/{path.as_posix()}" for path in present - files.keys()]
    lines += [
        f"differs    notebooks/{path.as_posix()}"
        for path in files.keys() & present
        if (root / "notebooks" / path).read_bytes() != files[path]
    ]
    return sorted(lines)


def _present(root: Path) -> set[Path]:
    top = root / "notebooks"
    paths = {path.relative_to(top) for path in top.rglob("*") if path.is_file()}
    return {path for path in paths if not any(part.startswith(".") for part in path.parts)}


# ---------------------------------------------------------------- for students of a graded course

TAKEN = ("LICENSE", "environment.yml", "pyproject.toml")  # beside notebooks, library and README


def bundle(root: Path, path: Path, only: Collection[str] = ()) -> list[str]:
    """Pack notebooks, library and environment, without solutions, tests and the instructor's side; returns the names.

    only: the notebooks of a week, by their folders. The same course gives the same bytes.
    """
    if missing := [name for name in (*TAKEN, "docs/students.md") if not (root / name).is_file()]:
        raise CourseError(
            f"A bundle takes the library and its pages along, and there is no {missing[0]} in {root}. Where the "
            "library is installed, give students the notebook from notebooks/."
        )
    files = {
        f"notebooks/{name.as_posix()}": contents
        for name, contents in released(root).items()
        if not only or name.parts[0] in only
    }
    first = min(name for name in files if name.endswith(".ipynb"))
    for source in sorted((root / "lecture_lib").rglob("*")):
        parts = source.relative_to(root / "lecture_lib").parts
        hidden = any(part.startswith((".", "__pycache__")) for part in parts)
        if source.is_file() and not hidden and parts[0] not in ("grading", "book", "__main__.py"):
            files[f"lecture_lib/{'/'.join(parts)}"] = source.read_bytes()
    files |= {name: (root / name).read_bytes() for name in TAKEN}
    files |= students_pages(root, first)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"generative-models/{name}", (2000, 1, 1, 0, 0, 0)), contents)
    return sorted(files)


def students_pages(root: Path, first: str) -> dict[str, bytes]:
    """docs/students.md as README.md, one folder up, and what it links to in docs/; its command opens the first."""
    readme = re.sub(r"\]\((?!https?:|#)", "](docs/", (root / "docs/students.md").read_text(encoding="utf-8"))
    readme = readme.replace("notebooks/0_start_here/start_here.ipynb", first)
    pages = {name: (root / name).read_bytes() for name in re.findall(r"\]\((docs/[^)#]+)", readme)}
    return pages | {"README.md": readme.encode()}
