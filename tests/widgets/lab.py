"""A real JupyterLab in a real Chromium, for the browser tests and for benchmarks/widgets.py.

The server has its own settings, workspaces and configuration; the browser may talk to that server alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

MISSING = "No Chromium or Chrome found. Install one (Debian's package is `chromium`) to run the browser tests."
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight are on the page, too
}
# extensions that other tools bring along; nbgrader's raises page errors outside of an nbgrader course
UNWANTED = ["@jupyter/nbgrader", "jupyterlab-jupytext"]


NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"]
PLACES = [  # where macOS and Windows keep Chrome, which is not on their PATH
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
]


def chromium() -> str | None:
    """The first Chromium or Chrome of this machine."""
    on_path = [shutil.which(name) for name in NAMES]
    return next((path for path in [*on_path, *PLACES] if path and Path(path).exists()), None)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Lab:
    """`with Lab(home, notebooks) as lab: page = lab.open("a.ipynb")`.

    home: an empty folder for the server's own files; notebooks: the folder that it serves; flags: more for Chromium.
    `errors` collects page errors, `foreign` every request to another machine (which is refused).
    """

    def __init__(self, home: Path, notebooks: Path, flags: tuple[str, ...] = ()):
        self.home, self.notebooks, self.flags = Path(home), Path(notebooks), [*FLAGS, *flags]
        self.token, self.errors, self.foreign = secrets.token_hex(16), [], []

    def __enter__(self) -> Lab:
        for name, value in SETTINGS.items():
            file = self.home / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(value))
        page_config = self.home / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        page_config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(UNWANTED, True)}))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        self.log = (self.home / "server.log").open("w")
        self.server = subprocess.Popen(
            [
                *[sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"],
                *["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"],
                *[f"--ServerApp.root_dir={self.notebooks}", f"--IdentityProvider.token={self.token}"],
                "--LabApp.expose_app_in_browser=True",
            ],
            env=os.environ | {name: str(self.home / folder) for name, folder in folders.items()},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.playwright = None
        try:
            self._wait_for_server()
            self.playwright = sync_playwright().start()
            self.browser = self.playwright.chromium.launch(executable_path=chromium(), args=self.flags)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if self.playwright:
            self.playwright.stop()  # closes the browser, too
        self.server.terminate()
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.server.kill()
        self.log.close()

    def _wait_for_server(self, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.server.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError("JupyterLab did not start:\n" + (self.home / "server.log").read_text()[-2000:])

    def open(self, notebook: str, width: int = 1300, height: int = 900, run: bool = True) -> Page:
        """A page with the notebook open, its kernel ready and, with run=True, all its cells run."""
        page = self.browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route(lambda url: not url.startswith((self.url, "data:", "blob:")), self._refuse)
        page.goto(f"{self.url}/lab/tree/{notebook}?reset&token={self.token}")
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel")
        page.evaluate(
            """async () => {
                const panel = jupyterapp.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                jupyterapp.commands.execute("application:toggle-left-area").catch(() => {});
            }"""
        )
        if run:
            page.evaluate("async () => { await jupyterapp.commands.execute('notebook:run-all-cells'); }")
            page.wait_for_function(
                "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
            )
        return page

    def python(self, page: Page, code: str, value: str = "None") -> str:
        """Run code in the notebook's kernel and hand back the text of an expression."""
        return page.evaluate(
            """async ([code, value]) => {
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const reply = await kernel.requestExecute({code, user_expressions: {value}}).done;
                const got = reply.content.status === "ok" ? reply.content.user_expressions.value : reply.content;
                if (got.status !== "ok") throw new Error(got.evalue);
                return got.data["text/plain"];
            }""",
            [code, value],
        )

    def _refuse(self, route) -> None:
        self.foreign.append(route.request.url)
        route.abort()

    def theme(self, page: Page, name: str) -> None:
        """Change JupyterLab's theme, "JupyterLab Light" or "JupyterLab Dark"."""
        page.evaluate("async (theme) => { await jupyterapp.commands.execute('apputils:change-theme', {theme}); }", name)
        page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=name)
        rest(page)


def until(page: Page, condition, seconds: float = 120) -> None:
    """Wait for what is to happen, on a loaded machine, too; it fails only if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "This has not happened."
        page.wait_for_timeout(100)


def rest(page: Page, milliseconds: int = 300) -> None:
    """By the browser's own clock: what a control does a moment after the last key, it has done then."""
    page.evaluate("ms => new Promise(done => setTimeout(done, ms))", milliseconds)


def settled(page: Page, value):
    """A value once it stays the same."""
    before, now = object(), value()
    while before != now:
        rest(page)
        before, now = now, value()
    return now


def play_and_pause(widget, slider) -> float:
    """Press Play, and Pause as soon as the slider has moved; returns how far it went, from 0 to 1."""
    widget.get_by_role("button", name="Play").press("Enter")
    pause = widget.get_by_role("button", name="Pause").element_handle()
    return slider.evaluate(
        """(slider, pause) => new Promise(done => {
            const low = +slider.min, look = () => {
                if (+slider.value === low) return requestAnimationFrame(look);
                pause.click();
                done((slider.value - low) / (slider.max - low));
            };
            look();
        })""",
        pause,
    )


def notebook(path: Path, *cells: str) -> Path:
    """Write a notebook with these code cells."""
    import nbformat.v4 as v4

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    content = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    path.write_text(json.dumps(content))
    return path
