"""The house's own rules: commands and links of the pages work, one list of dependencies, nothing of one machine."""

import re
import subprocess
import sys
import tomllib

import nbformat
import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
OTHERS = {"--allow-root", "--nthreads", "--update"}  # options of jupyter lab, dask, jupytext that the pages mention
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks():
    """The README's blocks of code: (language, code)."""
    return re.findall(r"```(\w*)\n(.*?)\n```", README, re.S)


def tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_readme_opens_with_two_commands_of_one_line():
    (_, opening), (_, testing) = blocks()[:2]
    assert opening.endswith("=/lab/tree/notebooks/0_start_here/start_here.ipynb")
    assert testing.endswith("pytest")
    assert "\n" not in opening + testing


def test_ci_runs_exactly_the_readmes_test_command():
    assert blocks()[1][1] in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert "run: bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def test_environment_yml_and_pyproject_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {CONDA_NAMES.get(n, n): bound for n, bound in (re.split("(?=>)", d) for d in project["dependencies"])}
    wanted["python"] = project["requires-python"]
    del wanted["constriction"]  # not on conda-forge: pip brings it with the course itself
    listed = re.findall(r"^  - ([\w-]+)(>=[\d.]+)$", (ROOT / "environment.yml").read_text(encoding="utf-8"), re.M)
    assert dict(listed) == wanted


def test_the_readmes_python_prints_what_stands_below_it():
    (_, code), (_, shown) = blocks()[2:4]
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.stdout.rstrip("\n") == shown, done.stderr


def test_the_readme_links_every_notebook():
    for path in ROOT.glob("notebooks/*/*.ipynb"):
        assert f"]({path.relative_to(ROOT).as_posix()})" in README


def test_each_notebook_links_the_glossary_whose_words_stand_in_it():
    notebooks = {path.parent.name[0]: nbformat.read(path, 4) for path in ROOT.glob("notebooks/*/*.ipynb")}
    assert all("](../../docs/glossary.md)" in notebook.cells[0].source for notebook in notebooks.values())
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| .* \| (\d)[\d, ]* \|$", page, re.MULTILINE)
    assert len(rows) > 60
    for words, number in rows:
        if number not in notebooks:  # one that this course leaves out
            continue
        text = " ".join(cell.source for cell in notebooks[number].cells).lower()
        assert any(word.strip().lower() in text for word in words.replace("$", "").split(",")), words


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_no_line_of_code_is_wider_than_its_cell_and_what_draws_stands_in_the_library(path):
    """92 characters: the width of a cell in a window of 1280 pixels, with the file browser open."""
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "code":
            assert all(len(line) <= 92 for line in cell.source.splitlines()), cell.source
            assert "matplotlib" not in cell.source, cell.source


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_code_comes_in_pieces_that_one_can_take_in(path):
    """At most 16 lines a cell, apart from imports, answers and questions."""
    for cell in nbformat.read(path, 4).cells:
        if cell.cell_type == "code" and cell.id != "setup" and "BEGIN" not in cell.source:
            assert cell.source.startswith("predict(") or len(cell.source.splitlines()) <= 16, cell.source


def test_each_notebook_says_at_once_that_it_loads():
    for path in ROOT.glob("notebooks/*/*.ipynb"):
        first = next(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
        assert first.startswith("import lecture_lib"), path


@each_page
def test_links_lead_to_files_and_pictures_have_alt_text(page):
    """A notebook that a course leaves out may still be named; those that are there the README has to link."""
    for picture, words, target in re.findall(r"(!?)\[([^]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        left_out = re.fullmatch(r"(notebooks|solutions)/\w+/\w+\.ipynb", target) and not (ROOT / target).parent.exists()
        assert left_out or target.startswith("http") or (page.parent / target.partition("#")[0]).exists(), target
        assert not picture or len(words) > 40, target


@pytest.fixture(scope="module")
def options():
    """The options of each command of `python -m lecture_lib`."""
    helps = {}
    for name in ("release", "points", "words", "execute", "grade", "book"):
        command = [sys.executable, "-m", "lecture_lib", name, "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
        helps[name] = set(re.findall(r"--[\w-]+", done.stdout))
    return helps


@each_page
def test_what_the_page_says_to_type_exists(page, options):
    text = page.read_text(encoding="utf-8")
    for name, rest in re.findall(r"python -m lecture_lib (\w+)([^#&`\n]*)", text):
        assert set(re.findall(r"--[\w-]+", rest)) <= options[name], name
    assert set(re.findall(r"`(--[\w-]+)", text)) <= set.union(OTHERS, *options.values())
    for path in re.findall(r"\b(?:python|pytest|-f) ((?:tests|benchmarks|docs|lecture_lib)/[\w./]*)", text):
        assert (ROOT / path).exists(), path
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"-e \"\.\[(\w+)\]\"", text)) <= project["optional-dependencies"].keys()


def test_nothing_tracked_names_a_registry_or_a_machine():
    # written in pieces, so that this file does not name them itself
    registries = "|".join(
        ["py" + r"pi\.org", "python" + "hosted", r"registry\.np" + r"mjs", r"conda\.ana" + "conda", r"deb\.deb" + "ian"]
    )
    machine = "|".join([r"/ro" + "ot/", r"/ho" + r"me/\w+/", r"/Us" + r"ers/\w+/", r"ipykernel_" + r"\d"])
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")  # pictures and weights, too
        assert not re.search(f"{registries}|{machine}", text), path


def test_what_runs_in_the_sandbox_knows_neither_exercises_nor_grading():
    for path in (ROOT / "lecture_lib/sandbox").glob("*.py"):
        imports = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.M)
        assert not [name for name in imports if name.startswith(("lecture_lib.exercises", "lecture_lib.grading"))], path


def test_the_code_is_linted_and_formatted():
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout
