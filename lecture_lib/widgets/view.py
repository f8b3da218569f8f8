"""What the widgets share: their JavaScript is found here, and a reader without a kernel gets a picture."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import anywidget
import torch
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.text import Text

from lecture_lib.language import dictionary, translated
from lecture_lib.plots import Picture

HERE = Path(__file__).parent
VIEW = "application/vnd.jupyter.widget-view+json"
GONE = "The kernel that asks this is gone: run the cell again."
# JupyterLab and Notebook, .jp-..., put "model not found" where a widget has no kernel: then the output after it is seen
ONE_OF_TWO = """<style>
:is(.jp-OutputArea-child, .output_container):has(.lecture-widget, .lecture-predict)
  + :is(.jp-OutputArea-child, .output_container):has(.lecture-still),
.jp-OutputArea-child:not(:has(.jp-OutputArea-output > *)):has(+ .jp-OutputArea-child .lecture-still) { display: none; }
.lecture-predict.jupyter-widgets-disconnected::after {
  content: "GONE";
}
.lecture-predict.jupyter-widgets-disconnected input { pointer-events: none; }
</style>"""


def module(name: str) -> str:
    """One self-contained JavaScript module: the drawing helpers, then the widget's own file."""
    return (HERE / "canvas.js").read_text(encoding="utf-8") + (HERE / name).read_text(encoding="utf-8")


@contextlib.contextmanager
def in_float32():
    """Inside, torch's default dtype is float32 and its device the CPU, whatever a notebook has set."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"):
            yield
    finally:
        torch.set_default_dtype(before)


def plain(value):
    """The Python number of a number of numpy's or torch's, also within a pair; all else as it is."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain, value))
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value


def show(live: dict, still: dict) -> None:
    """Display a widget, and after it what stands in its place while it has no kernel; one of the two is seen."""
    display({VIEW: live[VIEW]}, raw=True)
    style = ONE_OF_TWO.replace("GONE", translated(GONE, "predict"))
    html = f'{style}<div class="lecture-still">{still["text/html"]}</div>'
    display(still | {"text/html": html}, raw=True)


class View(anywidget.AnyWidget):
    """A widget that also leaves an ordinary picture, with its alt text, for GitHub, nbconvert and paper.

    A subclass says what the picture shows, `alt()`, and draws it, `figure()`, with matplotlib's Figure alone:
    JupyterLab handles widget messages on a thread of their own, where pyplot's global state is not safe.
    """

    _css = (HERE / "widgets.css").read_text(encoding="utf-8")

    def __init__(self, **traits):
        if words := dictionary("widgets").exact:
            self._esm = type(self)._esm.replace("const WORDS = {};", f"const WORDS = {json.dumps(words)};", 1)
        super().__init__(**{name: plain(value) for name, value in traits.items()})

    def alt(self) -> str:
        raise NotImplementedError

    def figure(self) -> Figure:
        raise NotImplementedError

    def still(self) -> dict:
        """The picture, as a bundle of formats."""
        figure = self.figure()
        for text in figure.findobj(Text) if dictionary("widgets").exact else ():
            text.set_text(translated(text.get_text(), "widgets"))
        picture = Picture(figure, translated(self.alt(), "widgets"))._repr_mimebundle_()
        run = translated("Run the cell to move it yourself.", "widgets")
        return picture | {"text/html": f"{picture['text/html']}<br><small>{run}</small>"}

    def _ipython_display_(self):
        show(self._repr_mimebundle_()[0], self.still())
