"""Where a submission's process runs: the limits, and the command lines of bubblewrap and of containers.

Three kinds. `bubblewrap`: the interpreter and the library read-only, nothing else of the disk, no network; one sandbox
serves many submissions, each in namespaces of its own, or, where the host allows no namespaces inside namespaces, one
sandbox each. `container`: one container each, by podman or docker, from an image that holds the library. `none`: a
plain process, for classes that one trusts.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import lecture_lib

GIB = 1 << 30
WIDE = 4  # seconds on the clock for each CPU second
SERVER = "lecture_lib.answers.server"


class SandboxError(Exception):
    """The sandbox itself does not work here: nothing that a submission could be blamed for."""


@dataclass(frozen=True)
class Limits:
    """What one submission may take: CPU seconds, bytes, processes and threads.

    On the clock it may take `WIDE` times as long: a loaded machine changes no mark.
    """

    answer_seconds: float = 15.0  # an answer's cell, or one call of its function
    submission_seconds: float = 180.0
    memory: int = 2 * GIB  # beyond what the libraries take
    disk: int = GIB // 4
    processes: int = 32
    reply: int = GIB // 16  # the numbers that one call may return

    def inside(self) -> dict[str, int]:
        """What a process can be held to by itself."""
        return {
            "memory": self.memory,
            "cpu_seconds": 2 * int(self.submission_seconds) + 1,  # the judge, who counts from outside, is first
            "processes": self.processes,
            "file_size": self.disk,
        }


@dataclass(frozen=True)
class SandboxConfig:
    """Where submissions run: the kind of sandbox, and what a container needs."""

    kind: str = "bubblewrap"  # or "container", "none"
    engine: str = "docker"
    image: str = "generative-models"
    hidden: tuple[str, ...] = ()  # folders that no submission may see, should they lie in one that it may
    core: int | None = None  # the processor that all of it keeps to


# ---------------------------------------------------------------- command lines


def library() -> Path:
    return Path(lecture_lib.__file__).parent


ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def scratch_variables(scratch: str) -> dict[str, str]:
    """The variables that name the one folder in which something can be written."""
    return dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), scratch)


# what programs need of the machine: nothing that anybody keeps there, such as nbgrader's exchange in /usr/local/share
SYSTEM = (
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/bin", "/sbin", "/lib", "/lib32", "/lib64"),
    *("/usr/share/fontconfig", "/usr/share/fonts", "/usr/share/matplotlib", "/usr/share/zoneinfo"),
    *("/usr/share/datasets/fashion-mnist", "/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache"),
)
INTERPRETER = ("bin", "lib", "lib32", "lib64", "pyvenv.cfg", "share/zoneinfo")  # of the folder that it is installed in
JUDGES = ("exercises", "grading")  # of the library: what no answer may read


def readable(config: SandboxConfig) -> dict[Path, str]:
    """What can be read inside, and how it gets there: the machine's programs, this interpreter with its packages, the
    images of LECTURE_LIB_DATA, and the library, without any copy of its judges."""
    mounts = {
        path: "--symlink" if path.is_symlink() else "--ro-bind" for path in map(Path, SYSTEM) if os.path.lexists(path)
    }
    closed = {Path(path).resolve() for path in (*config.hidden, Path.home())} - {Path("/")}
    parts = {path: (".",) for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    parts |= {sys.base_prefix: INTERPRETER, sys.prefix: INTERPRETER}
    if data := os.environ.get("LECTURE_LIB_DATA"):
        if not Path(data).is_dir():
            raise SandboxError(f"There is no folder {data}, which LECTURE_LIB_DATA names.")
        parts[data] = (".",)
    for path in parts:
        for form in (Path(path).absolute(), Path(path).resolve()):  # links on the way are not there inside
            if form in closed:
                raise SandboxError(f"{path} would be seen inside, and it is the course's folder or your home.")
            for part in (form / part for part in parts[path]):
                if part.exists() and not any(outer in mounts for outer in (part, *part.parents)):
                    mounts[part] = "--ro-bind"
    for path in closed:
        mounts.setdefault(path, "--tmpfs")
    mounts[library().resolve()] = "--ro-bind"
    for top in [path for path, how in mounts.items() if how == "--ro-bind"]:
        for copy in copies(top):
            judges = [p for folder in (copy, copy / "__pycache__") for p in folder.glob("*")]
            judges = [path for path in judges if path.name.split(".")[0] in JUDGES]
            if copy != top and (copy.parent / "solutions").is_dir():  # a course as a whole
                judges += [path for path in (copy.parent / "solutions", copy.parent / "grading") if path.is_dir()]
            mounts |= {path: "--tmpfs" if path.is_dir() else "--nothing" for path in judges}
    return mounts


@cache
def copies(top: Path) -> list[Path]:
    """Every copy of the library in this folder or below it, but for what lies inside of other packages."""
    found, folders = [], [top]
    while folders:
        folder = folders.pop()
        if folder.name == library().name:
            found.append(folder)
            continue
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            inside = list(entries)
            if not any(entry.name == "__init__.py" for entry in inside):
                folders += [Path(entry.path) for entry in inside if entry.is_dir(follow_symlinks=False)]
    return found


def bubblewrap(config: SandboxConfig, limits: Limits) -> list[str]:
    """The command line: outer folders first, so that what lies deeper is mounted over them."""
    mounts = readable(config)
    # where a submission can write; not /tmp if the library or the interpreter lie there: it is mounted over
    covers = any(Path("/tmp") in path.parents for path, how in mounts.items() if how == "--ro-bind")
    scratch = Path("/scratch" if covers else "/tmp")
    mounts |= {Path("/tmp"): "--tmpfs", scratch: "--tmpfs"}
    for path in list(mounts):  # else the folders on the way are open to root alone
        for parent in path.parents:
            if parent != Path("/") and "--ro-bind" not in (mounts.get(p) for p in (parent, *parent.parents)):
                mounts.setdefault(parent, "--dir")
    command = ["bwrap", "--die-with-parent", "--new-session"]
    command += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try"]
    command += ["--hostname", "sandbox", "--clearenv"]
    for name, value in (ENVIRONMENT | scratch_variables(str(scratch))).items():
        command += ["--setenv", name, value]
    if data := os.environ.get("LECTURE_LIB_DATA"):
        command += ["--setenv", "LECTURE_LIB_DATA", str(Path(data).resolve())]
    if os.getuid() == 0:  # to become nobody inside
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    for path, how in sorted(mounts.items(), key=lambda item: len(item[0].parts)):
        if how == "--symlink":
            command += [how, os.readlink(path), str(path)]
        elif how in ("--tmpfs", "--dir"):
            command += ["--perms", "1777", "--size", str(limits.disk)] if path == scratch else ["--perms", "0755"]
            command += [how, str(path)]
        elif how == "--nothing":
            command += ["--ro-bind", os.devnull, str(path)]
        else:
            command += [how, str(path), str(path)]
    command += ["--proc", "/proc", "--dev", "/dev", "--chdir", str(scratch)]
    for path in ["/", "/dev", *(p for p, how in mounts.items() if how == "--tmpfs" and p != scratch)]:
        command += ["--remount-ro", str(path)]  # or one submission could leave something there for another
    return [*command, "--", sys.executable, "-P", "-m", SERVER]


def container(config: SandboxConfig, limits: Limits, name: str) -> list[str]:
    """The command line for podman or docker; the image holds the library without exercises and grading."""
    memory = limits.memory + 2 * GIB  # the libraries count, too
    command = [config.engine, "run", f"--name={name}", "--rm", "--interactive"]
    command += ["--network=none", "--read-only", "--cap-drop=ALL"]
    command += ["--security-opt=no-new-privileges", "--ipc=private", "--user=65534:65534", "--workdir=/tmp"]
    command += [f"--tmpfs=/tmp:rw,nosuid,nodev,size={limits.disk},mode=1777", f"--memory={memory}"]
    command += [f"--memory-swap={memory}", "--cpus=1", f"--pids-limit={limits.processes}", "--log-driver=none"]
    command += [f"--env={name}={value}" for name, value in (ENVIRONMENT | scratch_variables("/tmp")).items()]
    return [*command, config.image, "python", "-P", "-m", SERVER]


def missing(config: SandboxConfig) -> str:
    """Why this kind of sandbox cannot be had here, in one sentence; "" if it can."""
    if config.kind == "none":
        return ""
    if config.kind == "container":
        if not shutil.which(config.engine):
            return f"There is no {config.engine} on this machine."
        done = subprocess.run([config.engine, "image", "inspect", config.image], capture_output=True, text=True)
        return "" if done.returncode == 0 else f"{config.engine} has no image {config.image}: {last_line(done.stderr)}"
    if not sys.platform.startswith("linux"):
        return f"Bubblewrap needs Linux, and this is {platform.system()}."
    if not shutil.which("bwrap"):
        return "Bubblewrap (the command bwrap) is not installed on this machine."
    try:
        command = bubblewrap(config, Limits())
    except SandboxError as error:
        return str(error)
    outer = command[: command.index("--") + 1]
    done = subprocess.run([*outer, sys.executable, "-P", "-c", "import lecture_lib"], capture_output=True, text=True)
    if "No module named 'lecture_lib'" in done.stderr:
        return f"lecture_lib is not installed in {sys.prefix}: pip install -e '.[grade]'"
    return "" if done.returncode == 0 else f"Bubblewrap does not work on this machine: {last_line(done.stderr)}"


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1][:200]
