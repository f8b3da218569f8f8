"""What Sphinx is told beyond its settings: formulas as MathML, docstrings with their formulas set, scripts by page."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

from docutils import nodes

from lecture_lib.book import record
from lecture_lib.book.formulas import as_rst, mathml

LIBRARY = Path(__file__).parents[1]


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-skip-member", _is_field)
    app.connect("html-page-context", _scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer, node):
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer, node):
    writer.body.append(f'<div class="math">{mathml(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def _docstring(app, what, name, thing, options, lines):
    lines[:] = as_rst(lines, _names())


def _is_field(app, what, name, thing, skip, options):
    """A named tuple's own fields, of which nothing is said but their number."""
    return True if (getattr(thing, "__doc__", None) or "").startswith("Alias for field number") else None


@functools.cache
def _names() -> set[str]:
    """What the library calls functions, arguments and attributes: log_prob is no formula."""
    files = [path for path in LIBRARY.rglob("*.py") if path.relative_to(LIBRARY).parts[0] not in record.OTHERS]
    nodes = [n for path in files for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    return {getattr(n, kind) for n in nodes for kind in ("name", "arg", "attr") if getattr(n, kind, None)}


def _scripts(app, page, template, context, tree):
    """Each page loads the scripts of its own widgets, and of none when it has none."""
    body = context.get("body", "")
    found = sorted(set(re.findall(r'data-widget="([\w-]+)"', body)))
    if 'class="lecture-predict"' in body:
        app.add_js_file("predict.js", loading_method="defer")
    names = [name for name in record.scripts() if name != "play.js" and name[5:-3] in found]
    for name in ["play.js", *names] if found else []:
        app.add_js_file(name, loading_method="defer")
