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
from functools import cache
from pathlib import Path

import lecture_lib
from lecture_lib.grading.settings import GIB, SandboxError, Settings

WIDE, WIDE_UNSEEN = 10, 4  # seconds on the clock for each of work; where no work can be seen: in a container
SERVER = "lecture_lib.sandbox.server"


def inside(settings: Settings) -> dict[str, int]:
    """What a process can be held to by itself."""
    return {
        "memory": settings.memory,
        "cpu_seconds": 2 * int(settings.submission_seconds) + 1,  # the judge, who counts from outside, is first
        "processes": settings.processes,
        "file_size": settings.disk,
    }


# ---------------------------------------------------------------- command lines


def library() -> Path:
    return Path(lecture_lib.__file__).parent


ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "USER": "student",  # there is no list of users
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",  # what was forked cannot use a GPU; so there is none, as on many a student's machine
    "TORCHDYNAMO_DISABLE": "1",  # torch.compile gives back the function as it is: a compiler has no place here
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


def readable(settings: Settings) -> dict[Path, str]:
    """What can be read inside, and how it gets there: the machine's programs, this interpreter with its packages, the
    images of LECTURE_LIB_DATA, and the library, without any copy of its judges."""
    mounts = {
        path: "--symlink" if path.is_symlink() else "--ro-bind" for path in map(Path, SYSTEM) if os.path.lexists(path)
    }
    closed = {Path(path).resolve() for path in (*settings.hidden, Path.home())} - {Path("/")}
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


def bubblewrap(settings: Settings) -> list[str]:
    """The command line: outer folders first, so that what lies deeper is mounted over them."""
    mounts = readable(settings)
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
    if os.getuid() == 0:  # to mount /proc, then to become nobody inside
        command += [part for name in ("SETUID", "SETGID", "SYS_ADMIN") for part in ("--cap-add", f"CAP_{name}")]
    else:
        command += ["--unshare-user"]
    for path, how in sorted(mounts.items(), key=lambda item: len(item[0].parts)):
        if how == "--symlink":
            command += [how, os.readlink(path), str(path)]
        elif how in ("--tmpfs", "--dir"):
            command += ["--perms", "1777", "--size", str(settings.disk)] if path == scratch else ["--perms", "0755"]
            command += [how, str(path)]
        elif how == "--nothing":
            command += ["--ro-bind", os.devnull, str(path)]
        else:
            command += [how, str(path), str(path)]
    command += ["--proc", "/proc", "--dev", "/dev", "--chdir", str(scratch)]
    for path in ["/", "/dev", *(p for p, how in mounts.items() if how == "--tmpfs" and p != scratch)]:
        command += ["--remount-ro", str(path)]  # or one submission could leave something there for another
    return [*command, "--", sys.executable, "-P", "-m", SERVER]


def container(settings: Settings, name: str) -> list[str]:
    """The command line for podman or docker; the image holds the library without exercises and grading."""
    memory = settings.memory + 2 * GIB  # the libraries count, too
    command = [settings.engine, "run", f"--name={name}", "--rm", "--interactive"]
    command += ["--network=none", "--read-only", "--cap-drop=ALL"]
    command += ["--security-opt=no-new-privileges", "--ipc=private", "--user=65534:65534", "--workdir=/tmp"]
    command += [f"--tmpfs=/tmp:rw,nosuid,nodev,size={settings.disk},mode=1777", f"--memory={memory}"]
    command += [f"--memory-swap={memory}", "--cpus=1", f"--pids-limit={settings.processes}", "--log-driver=none"]
    command += [f"--env={name}={value}" for name, value in (ENVIRONMENT | scratch_variables("/tmp")).items()]
    return [*command, settings.image, "python", "-P", "-m", SERVER]


def missing(settings: Settings) -> str:
    """Why this kind of sandbox cannot be had here, in one sentence; "" if it can."""
    if settings.sandbox == "none":
        return ""
    if settings.sandbox == "container":
        if not shutil.which(settings.engine):
            return f"There is no {settings.engine} on this machine."
        done = subprocess.run([settings.engine, "image", "inspect", settings.image], capture_output=True, text=True)
        return (
            "" if done.returncode == 0 else f"{settings.engine} has no image {settings.image}: {last_line(done.stderr)}"
        )
    if not sys.platform.startswith("linux"):
        return f"Bubblewrap needs Linux, and this is {platform.system()}."
    if not shutil.which("bwrap"):
        return "Bubblewrap (the command bwrap) is not installed on this machine."
    try:
        command = bubblewrap(settings)
    except SandboxError as error:
        return str(error)
    outer = command[: command.index("--") + 1]
    done = subprocess.run([*outer, sys.executable, "-P", "-c", "import lecture_lib"], capture_output=True, text=True)
    if "No module named 'lecture_lib'" in done.stderr:
        return f"lecture_lib is not installed in {sys.prefix}: pip install -e '.[grade]'"
    return "" if done.returncode == 0 else f"Bubblewrap does not work on this machine: {last_line(done.stderr)}"


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1][:200]
