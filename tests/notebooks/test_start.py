"""The README's two commands as they stand, where nothing is but a clone: HOME empty, no display, as two users.

In place of the download `.venv` is there beforehand, and sees what is installed where these tests run.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from importlib.metadata import entry_points
from pathlib import Path

import nbformat
import pytest
import websocket

from tests.conftest import ROOT
from tests.notebooks.test_house import blocks, tracked

NOBODY = 65534
NOTEBOOK = "notebooks/0_start_here/start_here.ipynb"
SHOWN = {"stream", "display_data", "update_display_data"}
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
SITE = sysconfig.get_path("purelib")
SCRIPT = """#!/bin/sh
'''exec' "$(dirname "$0")/python" "$0" "$@"
' '''
import sys
from {0.module} import {0.attr}
sys.exit({0.attr}())
"""  # as pip writes it where a path has spaces
WATCH = """
import sys
class Watch:
    def find_spec(name, *_):
        if name == "torch":
            print("torch begins", flush=True)
sys.meta_path.insert(0, Watch)
"""  # in the kernel before the first cell: says when the import of torch begins

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the README's commands are a Unix shell's")


@pytest.fixture(scope="module", params=["this user", "another user"])
def place(request):
    """A clone that belongs to the user, and the start of a command line that becomes that user with an empty HOME."""
    other = request.param == "another user"
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    course, environment = folder / "the course", {"HOME": str(folder / "home"), "LANG": "C.UTF-8"}
    search = "/usr/local/bin:/usr/bin:/bin" if other else f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment |= {"PATH": search, "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    become = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
    if not other:  # who has a browser: a stand-in, which keeps what it is to open
        browser, page = folder / "browser", folder / "opened.html"
        browser.write_text(f'#!/bin/sh\ncp "${{1#file:}}" {page}.new && mv {page}.new {page}\n')
        browser.chmod(0o755)
        become.append(f"BROWSER={browser}")
    if other and not shutil.which("setpriv"):
        pytest.skip("there is no setpriv, which becomes another user")
    if other:
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *become]
        same = f"import jupyterlab, sys; assert sys.version_info[:2] == {sys.version_info[:2]}"
        tried = subprocess.run([*become, f"PYTHONPATH={SITE}", "python3", "-c", same], cwd=folder, **PIPES)
        if tried.returncode:
            pytest.skip(f"another user cannot run what is installed here: {tried.stdout[-300:]}")
    for file in tracked():
        copy = course / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    (folder / "home").mkdir()
    installed(course / ".venv", shutil.which("python3", path=search))
    if other:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)
    yield course, become
    shutil.rmtree(folder)


def installed(environment, python):
    """Make the environment, with the packages, commands and JupyterLab's files of the one that runs this."""
    subprocess.run([python, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "installed.pth").write_text(SITE)
    for command in entry_points(group="console_scripts"):
        if command.name in ("pip", "jupyter", "jupyter-lab", "pytest"):
            script = environment / "bin" / command.name
            script.write_text(SCRIPT.format(command))
            script.chmod(0o755)
    (environment / "share").mkdir(exist_ok=True)
    (environment / "share/jupyter").symlink_to(Path(sys.prefix) / "share/jupyter")


def until(found, seconds=120):
    """What it finds, once it finds something; an error if it never does."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "This has not happened."
        time.sleep(0.1)
    return value


def status(page):
    """Of the page, or None while nobody listens: JupyterLab says where a moment before it does."""
    try:
        with urllib.request.urlopen(page, timeout=60) as reply:
            return reply.status
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError):
            raise


def asked(url, token, **body):
    """The JSON that the server answers."""
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None)
    request.add_header("Authorization", f"token {token}")
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def run(socket, code):
    """What the kernel answers to a cell, in order: (type of message, content)."""
    header = {"msg_id": os.urandom(8).hex(), "msg_type": "execute_request", "username": "", "session": "s"}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    socket.send(json.dumps(message))
    answers, waiting = [], {"execute_reply", "idle"}
    while waiting:
        answer = json.loads(socket.recv())
        if answer["parent_header"].get("msg_id") == header["msg_id"]:
            answers.append((answer["msg_type"], answer["content"]))
            waiting -= {answer["msg_type"], answer["content"].get("execution_state")}
    return answers


def test_the_first_command_says_what_to_open_and_there_the_first_cell_runs(place):
    course, become = place
    lab = subprocess.Popen([*become, "sh", "-c", blocks()[0][1]], cwd=course, start_new_session=True, **PIPES)
    try:
        said = []
        for line in lab.stdout:
            said.append(line)
            if "http://127.0.0.1" in line:
                break
        address = re.search(rf"(http://127\.0\.0\.1:\d+)/lab/tree/{NOTEBOOK}\?token=(\w+)", said[-1])
        assert address, "".join(said)
        url, token = address.groups()
        assert until(lambda: status(address[0])) == 200
        notebook = nbformat.from_dict(asked(f"{url}/api/contents/{NOTEBOOK}", token)["content"])
        kernel = {"type": "notebook", "path": NOTEBOOK, "name": "", "kernel": {"name": "python3"}}
        started = asked(f"{url}/api/sessions", token, **kernel)["kernel"]["id"]
        socket = websocket.create_connection(
            f"{url.replace('http', 'ws')}/api/kernels/{started}/channels?token={token}", timeout=300
        )
        run(socket, WATCH)
        first = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
        answers = run(socket, first)
        assert dict(answers)["execute_reply"]["status"] == "ok", answers
        shown = " ".join(str(content) for kind, content in answers if kind in SHOWN)
        assert re.findall("Loading PyTorch|torch begins|Ready", shown) == ["Loading PyTorch", "torch begins", "Ready"]
        where = run(socket, "import os; print(os.getuid(), lecture_lib.__file__)")
        user = os.getuid() if become[0] == "env" else NOBODY
        assert f"{user} {course / 'lecture_lib/__init__.py'}\n" in [content.get("text") for _, content in where]
        socket.close()
        if user == os.getuid():
            until(lambda: (course.parent / "opened.html").exists())
            assert f"/lab/tree/{NOTEBOOK}?" in (course.parent / "opened.html").read_text()
    finally:
        os.killpg(lab.pid, signal.SIGTERM)  # the shell and the server
        lab.communicate(timeout=120)


@pytest.mark.parametrize("place", ["another user"], indirect=True)  # as this user CI runs it
def test_the_second_command_runs_the_tests(place):
    course, become = place
    few = "PYTEST_ADDOPTS=-n 0 tests/core/test_style.py"  # of all, which is what CI runs
    done = subprocess.run([*become, few, "sh", "-c", blocks()[1][1]], cwd=course, capture_output=True, text=True)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr
