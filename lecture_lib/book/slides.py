"""The slides' map: from a slide of the lecture to the sections of the notebooks and the lines of the library."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

SLIDES = (  # in the lecture's order
    *("Outline", "Generative Models", "Historical evolution"),
    *("Applications: Generate Images/Video", "Applications: Generate Video", "Additional Applications"),
    *("Goal: Learn a Distribution", "Histograms: Inference & Samples", "Parametrizing Distributions"),
    *("Parametrizing Distributions: Bayes Nets", "Parametrizing Distributions: Autoregressive models"),
    *("Flow Models", "Flow Models: How to sample?", "Flow Models: How to train?", "Flow Models: Training"),
    *("Flows: Example", "Flows: Transformations"),
    *("GANs: Generative Adversarial Networks", "GANs: Basic Setup"),
    *("GAN Training: Discriminator", "GAN Training: Generator & Discriminator"),
    *("GAN Training: Alternating Training", "GAN Training: Issues", "GAN Architectures", "GANs: Example"),
)


def quoted(text: str) -> set[str]:
    """The slides that a section or a docstring names; "A" to "B" names all between them."""
    found = set()
    for sentence in re.findall(r'\bSlides? (".+?)(?:\*|\. |\.?$)', " ".join(text.split()) + " "):
        names = [name for name in re.findall(r'"([^"]+)"', sentence) if name in SLIDES]
        found |= set(names)
        for a, b in re.findall(r'"([^"]+)" to "([^"]+)"', sentence):
            if {a, b} <= set(SLIDES):
                found |= set(SLIDES[SLIDES.index(a) : SLIDES.index(b) + 1])
    return found


def sections(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Of a notebook: (slide, link to the section that names it)."""
    where, title = "", ""
    for cell in nbformat.read(path, as_version=4).cells[1:]:
        if cell.cell_type == "markdown":
            if heading := re.match(r"#+ (.+)", cell.source):
                where, title = label(path, cell.id), heading[1]
            for slide in quoted(cell.source):
                yield slide, f"[{path.parent.name[0]}: {title}](#{where})"


def label(path: Path, cell: str) -> str:
    """The name by which pages link to the heading of a notebook's cell."""
    return f"{path.stem}-{cell}"


def lines(module: str, root: Path) -> Iterator[tuple[str, str]]:
    """Of a module: (slide, link to the function or class whose docstring names it, with its lines)."""
    path = root / "lecture_lib" / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    shown, found = path.relative_to(root / "lecture_lib").as_posix(), []
    for node in tree.body:
        for inner in [node, *getattr(node, "body", [])]:
            if isinstance(inner, ast.FunctionDef | ast.ClassDef):
                name = inner.name if inner is node else f"{node.name}.{inner.name}"
                link = f"{{py:obj}}`{name} <lecture_lib.{module}.{name}>`"
                for slide in quoted(ast.get_docstring(inner) or ""):
                    found.append((slide, f"{link} <small>{shown}:{inner.lineno}–{inner.end_lineno}</small>"))
    named = {slide for slide, _ in found}
    for slide in quoted(ast.get_docstring(tree) or "") - named:
        found.append((slide, f"{{py:obj}}`{module} <lecture_lib.{module}>` <small>{shown}</small>"))
    yield from found


def table(root: Path, notebooks: list[Path], modules: list[str]) -> str:
    """The map as a table in Markdown."""
    there = [pair for path in notebooks for pair in sections(path, root)]
    code = [pair for module in modules for pair in lines(module, root)]
    rows = ["| slide | section of a notebook | lines of the library |", "|---|---|---|"]
    for slide in SLIDES:
        cells = ["<br>".join(dict.fromkeys(link for name, link in pairs if name == slide)) for pairs in (there, code)]
        rows.append(f"| {slide} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)
