"""python -m lecture_lib book: solutions/, docs/ and docstrings become pages, with Sphinx and without a network."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import torch

HERE = Path(__file__).parent
EXTRA = "This needs Sphinx: pip install -e '.[docs]'"
SETTINGS = {
    "project": "Generative models",
    "html_title": "Generative models, from histograms to GANs",
    "extensions": ["myst_nb", "sphinx.ext.autodoc", "lecture_lib.book.extension"],
    "html_theme": "furo",
    "html_theme_options": {"top_of_page_buttons": [], "navigation_with_keys": False},
    "html_static_path": ["_static"],
    "html_css_files": ["book.css"],
    "html_math_renderer": "mathml",
    "smartquotes": False,
    "html_copy_source": False,
    "html_show_sourcelink": False,
    "html_show_copyright": False,
    "html_show_search_summary": False,  # it would fetch whole pages, which fails from file://
    "nb_execution_mode": "off",  # what is shown was stored
    "nb_merge_streams": True,
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "myst_heading_anchors": 3,
    "autodoc_member_order": "bysource",
    "autodoc_typehints": "none",
    "autodoc_inherit_docstrings": False,  # torch's own
    "add_module_names": False,
    "default_role": "py:obj",
}


def build(root: Path, out: Path) -> list[str]:
    """Write the book of the course in `root` to the folder `out`; returns Sphinx's warnings."""
    torch.set_num_threads(1)  # the models are small: a second thread would mostly wait for the first
    try:  # before the book's own modules, which need them, too
        import furo  # noqa: F401
        import myst_nb  # noqa: F401
        from sphinx.application import Sphinx
        from sphinx.util.console import nocolor
        from sphinx.util.docutils import docutils_namespace
    except ImportError as error:
        raise SystemExit(EXTRA) from error
    from lecture_lib.book import pages, record

    with tempfile.TemporaryDirectory() as folder:
        source, built, log = Path(folder) / "source", Path(folder) / "built", Path(folder) / "warnings"
        pages.write(root, source)
        for name in ("book.css", "predict.js"):
            shutil.copy(HERE / name, source / "_static")
        for name, text in record.scripts().items():
            (source / "_static" / name).write_text(text, encoding="utf-8")
        nocolor()
        with docutils_namespace(), log.open("w+", encoding="utf-8") as warnings:
            app = Sphinx(source, None, built, Path(folder) / "doctrees", "html", SETTINGS, None, warnings)
            app.build()
            warnings.seek(0)
            said = warnings.read().replace(f"{source}/", "").splitlines()
        for name in (".buildinfo", "objects.inv", "jupyter_execute", "_sources"):
            left = built / name
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        (built / ".nojekyll").touch()  # GitHub's Pages leave out folders that begin with _ without it
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(built, out)
    return said


def size(path: Path) -> str:
    return f"{sum(file.stat().st_size for file in path.rglob('*') if file.is_file()) / 1e6:.1f} MB"


def main(root: Path) -> int:
    out = root / "book"
    said = build(root, out)
    sys.stderr.writelines(f"{line}\n" for line in said)
    print(f"{out.name}/: {len(list(out.rglob('*.html')))} pages, {size(out)}. Open {out.name}/index.html.")
    return 1 if said else 0
