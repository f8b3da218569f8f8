"""What Sphinx reads: the students' notebooks with the solutions' outputs, the pages of docs/, one for each room."""

from __future__ import annotations

import html
import os
import re
import shutil
from pathlib import Path

import nbformat

from lecture_lib.book import record, slides
from lecture_lib.book.formulas import in_html
from lecture_lib.book.moving import moving_picture
from lecture_lib.grading.release import student_version

ROOMS = {  # in the lecture's order: the modules that a reader of the core reads
    "data": ["data.targets", "data.shapes", "data.images"],
    "histogram": ["histogram", "histogram.grid", "histogram.edges", "histogram.search"],
    "likelihood": ["likelihood", "likelihood.simple", "likelihood.nets"],
    "flows": ["flows", "flows.bijections", "flows.transforms"],
    "gans": ["gans", "gans.losses", "gans.training", "gans.networks", "gans.dcgan", "gans.further"],
    "applications": [
        *["applications", "applications.pixels", "applications.compress", "applications.lossy"],
        *["applications.represent", "applications.labels", "applications.translate", "applications.maps"],
        *["applications.video", "applications.clips"],
    ],
    "latent": [
        *["latent", "latent.rbm", "latent.partition", "latent.deep_belief", "latent.vae", "latent.bits_back"],
        *["latent.style", "latent.mixing"],
    ],
    "evaluate": ["evaluate.samples", "evaluate.images"],
    "plots": ["plots"],
    "fast": ["fast"],
}
MANUAL = {
    "For students": ["students", "install", "glossary"],
    "For instructors": ["instructors", "grading", "teaching", "mistakes"],
    "For contributors": ["contributing", "benchmarks", "book"],
}


def write(root: Path, source: Path) -> None:
    """All pages of the course in `root`, as Sphinx takes them, into the new folder `source`."""
    notebooks = sorted((root / "solutions").glob("*/*.ipynb"))
    for path in notebooks:
        target = source / "notebooks" / path.relative_to(root / "solutions")
        target.parent.mkdir(parents=True)
        nbformat.write(_notebook(path, root), target)
    (source / "docs").mkdir()
    for name in (name for names in MANUAL.values() for name in names):
        text = (root / "docs" / f"{name}.md").read_text(encoding="utf-8")
        text = without_answers(text) if name == "teaching" else text
        (source / "docs" / f"{name}.md").write_text(linked(text, root / "docs", root), encoding="utf-8")
    for picture in (root / "docs").glob("*.png"):
        shutil.copy(picture, source / "docs")
    (source / "api").mkdir()
    for room, modules in ROOMS.items():
        (source / "api" / f"{room}.md").write_text(_room(room, modules), encoding="utf-8")
    (source / "_static").mkdir()
    moving_picture(source / "_static")
    front = (Path(__file__).parent / "front.md").read_text(encoding="utf-8")
    made = {path.stem for path in notebooks}  # a course may leave some out
    front = re.sub(r"\[(.+?)\]\(#(\w+)-.*?\)", lambda match: match[0 if match[2] in made else 1], front)
    front = front.replace("MAP", slides.table(root, notebooks, [m for modules in ROOMS.values() for m in modules]))
    (source / "index.md").write_text(front + _contents(root, notebooks), encoding="utf-8")


# ---------------------------------------------------------------- notebooks


def _notebook(path: Path, root: Path):
    """The students' version, with those outputs of the solution that no answer is needed for."""
    notebook = nbformat.reads(student_version(path, root).decode(), as_version=4)
    solved = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = linked(cell.source, path.parent, root)
            if cell.source.startswith("##"):
                cell.source = f"({slides.label(path, cell.id)})=\n{cell.source}"
        elif not cell.metadata.get("nbgrader") and not PERSONAL.match(cell.source):
            shown = (_shown(output, cell) for output in solved[cell.id].outputs)
            cell.outputs = [output for output in shown if output.get("text", "-").strip()]
        folded = cell.metadata.get("jupyter", {}).get("source_hidden")  # a question's: its answer stands there
        cell.metadata = {"tags": ["remove-input"]} if folded else {}
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(HERE_ONLY.format(up="../../docs")))
    return notebook


PERSONAL = re.compile(r"predictions\(|summary\(")  # one's own guesses and points
HERE_ONLY = """
```{{note}}
Sliders move here, too. To run the cells, to write the functions and to have them checked, take the course to a
machine of yours: [Install]({up}/install.md). No guess is kept here, and no point.
```
"""
STILL = re.compile(r'.*<div class="lecture-still">(.*)</div>', re.S)
QUESTION = re.compile(r"<p>(<b>[^<]*</b> .*)<br>(.*?)</p>(<details>.*</details>)", re.S)
RUN_IT = re.compile(r"<br><small>.*?</small>")  # what stands below a picture where there is a kernel


def _shown(output, cell):
    """A stored output as the book shows it: widgets play, questions can be answered, formulas are set."""
    if output.output_type == "stream":
        output.text = re.sub(r"^\(with your \w+\)\n", "", output.text, flags=re.M)
    data = output.get("data", {})
    if page := data.get("text/html"):
        data.pop("image/png", None)  # the same picture
        if still := STILL.fullmatch(page):
            asked = QUESTION.fullmatch(still[1])
            page = (
                _question(cell.id, *asked.groups())
                if asked
                else record.widget_html(cell.source, RUN_IT.sub("", still[1]))
            )
        data["text/html"] = in_html(page)
    return output


def _question(name: str, question: str, choices: str, answer: str) -> str:
    """`predict` without a kernel: predict.js unfolds the answer as soon as one has chosen."""
    radios = "".join(f'<label><input type="radio" name="{name}"> {one}</label>' for one in choices.split(" / "))
    return f'<form class="lecture-predict"><fieldset><legend>{question}</legend>{radios}</fieldset>{answer}</form>'


# ---------------------------------------------------------------- pages of text


def without_answers(teaching: str) -> str:
    """The teaching notes without what follows the questions of the exams, set in italics."""
    where = "The answers to the exam questions are in the repository."
    teaching = re.sub(r"^For instructors only: .*$", where, teaching, count=1, flags=re.M)
    return re.sub(r"^(\d+\. \*.+?\*) .*$", r"\1", teaching, flags=re.M)


def linked(text: str, folder: Path, root: Path) -> str:
    """Links to what has a page in the book lead there; of all others the words stay."""

    def one(match):
        words, target, anchor = match[1], *match[2].partition("#")[::2]
        if not target or re.match(r"https?:|mailto:", target):
            return match[0]
        path = Path(os.path.relpath(folder / target, root))
        up = os.path.relpath(root, folder)
        parts = path.with_suffix("").parts
        if parts[0] == "solutions":
            parts, path = ("notebooks", *parts[1:]), Path("notebooks", *path.parts[1:])
        if path.name == "README.md":
            return f"[{words}]({up}/index.md)"
        if parts[0] == "lecture_lib" and len(parts) > 1 and parts[1] in ROOMS:
            return f"[{words}]({up}/api/{parts[1]}.md)"
        manual = path.suffix == ".png" or (parts[0] == "docs" and any(parts[-1] in names for names in MANUAL.values()))
        here = manual or (parts[0] == "notebooks" and (root / "solutions" / Path(*path.parts[1:])).is_file())
        return f"[{words}]({up}/{path.as_posix()}{'#' * bool(anchor)}{anchor})" if here else words

    return re.sub(r"(?<!!)\[([^]]*)\]\(([^)\s]+)\)", one, text)


def _room(room: str, modules: list[str]) -> str:
    parts = [f"# {room}\n"]
    for module in modules:
        name = f"lecture_lib.{module}"
        parts.append(f"## {name}\n" if module != room else "")
        parts.append(f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n")
    return "\n".join(parts)


def _contents(root: Path, notebooks: list[Path]) -> str:
    groups = {"The course": [path.relative_to(root / "solutions").with_suffix("") for path in notebooks]}
    groups = {"The course": [f"notebooks/{path.as_posix()}" for path in groups["The course"]]}
    groups |= {title: [f"docs/{name}" for name in names] for title, names in MANUAL.items()}
    groups["The library"] = [f"api/{room}" for room in ROOMS]
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {html.escape(title)}\n:maxdepth: 1\n\n" + "\n".join(names) + "\n```\n"
        for title, names in groups.items()
    )
