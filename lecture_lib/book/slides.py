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
    for sentence in re.findall(r'\b[Ss]lides? (".+?)(?:\*|\. |\.?$)', " ".join(text.split()) + " "):
        names = [name for name in re.findall(r'"([^"]+)"', sentence) if name in SLIDES]
        found |= set(names)
        for a, b in re.findall(r'"([^"]+)" to "([^"]+)"', sentence):
            if {a, b} <= set(SLIDES):
                found |= set(SLIDES[SLIDES.index(a) : SLIDES.index(b) + 1])
    return found


def sections(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Of a notebook: (slide, link to the section that names it), and at last those that its first cell alone names."""
    first, *rest = nbformat.read(path, as_version=4).cells
    where, title, named = "", "", set()
    for cell in rest:
        if cell.cell_type == "markdown":
            if heading := re.match(r"#+ (.+)", cell.source):
                where, title = label(path, cell.id), heading[1]
            for slide in quoted(cell.source):
                yield slide, f"[{path.parent.name[0]}: {title}](#{where})"
                named.add(slide)
    for slide in quoted(first.source) - named:
        yield slide, f"[{first.source.splitlines()[0][2:]}](notebooks/{path.parent.name}/{path.name})"


def label(path: Path, cell: str) -> str:
    """The name by which pages link to the heading of a notebook's cell."""
    return f"{path.stem}-{cell}"


def lines(module: str, root: Path) -> Iterator[tuple[str, int, str]]:
    """Of a module: (slide, how near, link to what names it). 0: a function or class, with its lines; 1: the module;
    2: a room of several.
    """
    path = root / "lecture_lib" / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    shown = path.relative_to(root / "lecture_lib").as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for slide in quoted(ast.get_docstring(tree) or ""):
        yield slide, 2 if path.stem == "__init__" else 1, f"{{py:obj}}`{module} <lecture_lib.{module}>` `{shown}`"
    for node in tree.body:
        for inner in [node, *getattr(node, "body", [])]:
            if isinstance(inner, ast.FunctionDef | ast.ClassDef):
                name = inner.name if inner is node else f"{node.name}.{inner.name}"
                link = f"{{py:obj}}`{name} <lecture_lib.{module}.{name}>` `{shown}:{inner.lineno}–{inner.end_lineno}`"
                yield from ((slide, 0, link) for slide in quoted(ast.get_docstring(inner) or ""))


def table(root: Path, notebooks: list[Path], modules: list[str]) -> str:
    """The map as a table in Markdown."""
    there = [pair for path in notebooks for pair in sections(path, root)]
    code = [one for module in modules for one in lines(module, root)]
    rows = ["| slide | section of a notebook | lines of the library |", "|---|---|---|"]
    for slide in SLIDES:
        near = min((far for name, far, _ in code if name == slide), default=0)
        links = [link for name, link in there if name == slide]
        items = [link for name, far, link in code if (name, far) == (slide, near)]
        rows.append(f"| {slide} | {'<br>'.join(dict.fromkeys(links))} | {'<br>'.join(dict.fromkeys(items))} |")
    return "\n".join(rows)
