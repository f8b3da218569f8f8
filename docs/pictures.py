"""The README's pictures, taken in a real JupyterLab, or out of a stored notebook: python docs/pictures.py [names]"""

import base64
import json
import re
import sys
import tempfile
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.widgets.lab import Lab, notebook  # noqa: E402

FORGOT_THE_WIDTH = """
import torch
from lecture_lib.exercises import check

def log_prob(x, edges, probs):
    density = torch.zeros(len(x))
    for i in range(len(probs)):
        density[(x >= edges[i]) & (x <= edges[i + 1])] = probs[i]
    return density.log()

check("histogram.log_prob", log_prob)
""".strip()

CELLS = {
    "check": FORGOT_THE_WIDTH,
    "bins": "from lecture_lib.widgets import Bins\n\nBins(n=300, bins=45)",
    "likelihood": "from lecture_lib.widgets import Likelihood\n\nLikelihood(batch_size=1, lr=0.03)",
    "flow_depth": "from lecture_lib.widgets import FlowDepth\n\nFlowDepth()",
    "ratio": 'from lecture_lib.widgets import Ratio\n\nRatio(compare={"ratio": (1, 5)}, trained=3000)',
    "compression": "from lecture_lib import applications, data\nfrom lecture_lib.widgets import Compression\n\n"
    "Compression(applications.clothes_model(), data.fashion_mnist())",
    "transfer": "from lecture_lib.widgets import Transfer\n\nTransfer()",
    "gibbs": "import torch\nfrom lecture_lib import data, latent\nfrom lecture_lib.widgets import Gibbs\n\n"
    "rng, x = torch.Generator().manual_seed(0), (data.digits().train >= 8).long()\nrbm = latent.RBM.start(x, 64, rng)\n"
    "for _ in latent.train_rbm(rbm, x, chain=x[:100].float(), lr=lambda i: 0.1 * (1 - i / 3001), rng=rng):\n    pass\n"
    "Gibbs(rbm, x, rng, steps=20)",
    "latent_plane": "import torch\nfrom lecture_lib import data, latent, likelihood\n"
    "from lecture_lib.widgets import LatentPlane\n\nrng, images = torch.Generator().manual_seed(0), data.digits()\n"
    "vae = latent.digits_vae(images.train, rng=rng)\nbound = latent.Bound(vae, rng=rng)\n"
    "for _ in likelihood.maximize_likelihood(bound, images.train, steps=1500, lr=1e-3, rng=rng):\n    pass\n"
    "LatentPlane(vae, images, row=3)",
    "style_mixing": "import torch\nfrom lecture_lib import data, evaluate, latent\n"
    "from lecture_lib.widgets import StyleMixing\n\n"
    "StyleMixing(latent.style_model(), evaluate.classifier(data.fashion_mnist()), torch.Generator().manual_seed(0))",
    "spline": "from lecture_lib.widgets import Spline\n\nSpline()",
}


STORED = {"sleeves": ("5_dcgan/dcgan.ipynb", "arithmetic")}  # the cell whose picture it is


def stored(name: str) -> None:
    notebook, cell = STORED[name]
    cells = json.loads((HERE.parent / "solutions" / notebook).read_text(encoding="utf-8"))["cells"]
    outputs = next(c["outputs"] for c in cells if c["id"] == cell)
    (page,) = ["".join(o["data"]["text/html"]) for o in outputs if "text/html" in o.get("data", {})]
    (HERE / f"{name}.png").write_bytes(base64.b64decode(re.search(r'base64,([^"]+)"', page)[1]))


CLASS = {  # of the report: students, and what they handed in: the mix of the benchmark, or names of the hostile ones
    "ada": "right",
    "ben": "mixed",
    "chen": "mixed",
    "dina": "infinite_loop",
    "eli": "mixed",
    "farah": "blank",
    "gus": "truncated",
    "hana": "reads_the_exercises",
    "ivo": "segfault",
}


def report() -> None:
    """The HTML page of a small class, graded in the real sandbox."""
    from nbgrader.api import Gradebook
    from playwright.sync_api import sync_playwright

    from benchmarks.grading import submissions
    from tests.grading.course import grade, new_course, submit
    from tests.grading.hostile import ASSIGNMENT, ATTACKS
    from tests.widgets.lab import chromium

    with tempfile.TemporaryDirectory() as folder:
        course = new_course(Path(folder))
        for (student, what), (_, mixed) in zip(CLASS.items(), submissions(len(CLASS))):
            files = {"histograms.ipynb": nbformat.writes(mixed).encode()} if what == "mixed" else ATTACKS[what].files()
            submit(course, student, files)
        done = grade(course, "--answer-seconds", 5, "--seed", 5)
        assert done.returncode == 0, done.stderr
        with Gradebook(f"sqlite:///{course}/grading/gradebook.db", "generative-models") as book:
            book.add_student("jo", first_name="Jo")
        assert grade(course, "--answer-seconds", 5, "--seed", 5).returncode == 0
        with sync_playwright() as playwright:
            page = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]).new_page(
                viewport={"width": 1180, "height": 900}
            )
            page.goto((course / "grading/reports" / f"{ASSIGNMENT}.html").as_uri())
            page.screenshot(path=HERE / "report.png", full_page=True)


def main():
    names = sys.argv[1:] or [*CELLS, *STORED, "report"]
    if "report" in names:
        report()
    for name in [n for n in names if n in STORED]:
        stored(name)
    if names := [n for n in names if n in CELLS]:
        in_the_lab(names)


def in_the_lab(names):
    with tempfile.TemporaryDirectory() as folder:
        home, served = Path(folder) / "home", Path(folder) / "served"
        home.mkdir()
        served.mkdir()
        with Lab(home, served) as lab:
            for name in names:
                source = CELLS[name]
                notebook(served / f"{name}.ipynb", source)
                page = lab.open(f"{name}.ipynb", width=1200 if name == "ratio" else 1000, height=900)
                page.locator(".jp-OutputArea-output >> visible=true").last.wait_for()
                page.wait_for_timeout(3000)
                if name == "likelihood":
                    page.get_by_role("slider", name="mean").focus()
                    for _ in range(60):
                        page.keyboard.press("ArrowRight")
                    page.get_by_role("button", name="SGD from here").click()
                    page.wait_for_timeout(4000)
                if name == "flow_depth":
                    page.get_by_role("button", name="Train").click()
                    page.get_by_text("all flows: 2,000 of 2,000").wait_for(timeout=300_000)
                    page.get_by_role("slider", name="layer", exact=True).focus()
                    for _ in range(50):
                        page.keyboard.press("ArrowLeft")
                    page.wait_for_timeout(1000)
                if name == "spline":
                    page.get_by_role("button", name="Fit").click()
                    page.get_by_text("fit: train").wait_for()
                    page.wait_for_timeout(2000)
                page.locator(".jp-OutputArea-output >> visible=true").last.screenshot(path=HERE / f"{name}.png")
                page.close()


if __name__ == "__main__":
    main()
