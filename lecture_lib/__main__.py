"""python -m lecture_lib: release the notebooks, grade what comes back, run the solutions, make a web site of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    root, parser = Path.cwd(), _parser()
    options = parser.parse_args(arguments)
    if set("[]*?") & set(str(root)):
        parser.error(f"nbgrader does not find files in {root}: give its folders names without [ ] * ?")
    if not (root / "solutions").is_dir():
        parser.error(f"there is no folder solutions/ in {root}; run this in the course's folder")
    from lecture_lib.grading.settings import CourseError

    try:
        code = options.run(root, options, parser)
        sys.stdout.flush()
        return code
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # as of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains again at its end
        print("Nobody reads what is said here any more; so this stopped early.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lecture_lib", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(run, says: str) -> Callable:
        one = commands.add_parser(run.__name__[1:], help=says)
        one.set_defaults(run=run)
        return one.add_argument

    add = command(_release, "write notebooks/ from solutions/")
    add("--check", action="store_true", help="change nothing; fail with a list where they differ")
    add("--bundle", type=Path, metavar="FILE.zip", help="also pack what students of a graded course get")
    only = "pack these notebooks, as NAME.zip if there is no --bundle"
    add("--only", nargs="+", default=[], metavar="NAME", help=only)
    command(_points, "list all exercises with their points")
    add = command(_words, "list what has no translation yet")
    add("language", help="a file of lecture_lib/languages, such as de, or one that is to be made")
    add = command(_execute, "run solutions and store their outputs")
    add("names", nargs="*", help="folders of solutions/, by default all")
    command(_book, "write the course as a web site, which plays without a kernel, to book/")
    _grading(command(_grade, "grade submissions in a sandbox; marks go into nbgrader's gradebook"))
    return parser


def _grading(add: Callable) -> None:
    add("assignment", help="a folder of notebooks/, such as 1_histograms")
    add("--submitted", type=Path, metavar="DIR", help="nbgrader's folders, or an LMS's folder or zip")
    add("--student", default="", metavar="ID", help="only this one")
    add("--regrade", action="store_true", help="all again, not only what changed")
    kept = "of students' cells, pictures and text, for you to see"
    add("--outputs", choices=["drop", "keep"], default="drop", help=kept)
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (all cores)")
    add("--scheduler", default="", metavar="ADDRESS", help="of a dask.distributed cluster")
    add("--pattern", default="", metavar="REGEX", help="an LMS's paths, with groups id and file")
    add("--worksheet", type=Path, metavar="CSV", help="Moodle's grading worksheet, to be filled")
    add("--seed", type=int, help="of the hidden inputs, to reproduce a mark (drawn for each run)")
    add("--sandbox", choices=["bubblewrap", "container"], default="bubblewrap")
    add("--no-sandbox", action="store_true", help="only in a class that you trust; the report says so")
    add("--engine", default="docker", help="for containers: docker or podman")
    add("--image", default="generative-models", help="for containers")
    add("--library-costs", type=float, default=0.0, metavar="SHARE", help="0 names it only, 1 all points")
    add("--answer-seconds", type=float, metavar="S", help="CPU time of a cell, or one call (15)")
    add("--submission-seconds", type=float, metavar="S", help="CPU time of a whole notebook (180)")
    add("--memory", type=float, metavar="GIB", help="beyond what the libraries take (2)")


def _release(root: Path, options, parser) -> int:
    from lecture_lib.grading.release import bundle, differences, release

    only = _known(root, options.only, parser)
    if only and not options.bundle:
        options.bundle = Path("-".join(only) + ".zip")
    if options.bundle and not options.bundle.absolute().parent.is_dir():
        parser.error(f"there is no folder {options.bundle.parent}")
    changes = differences(root) if options.check else release(root)
    print("\n".join(changes) or "notebooks/ is what solutions/ says")
    if options.bundle:
        print(f"{options.bundle}: {len(bundle(root, options.bundle, only))} files")
    return 1 if options.check and changes else 0


def _points(root: Path, options, parser) -> int:
    from lecture_lib.grading.points import listed

    print("\n".join(listed(root)))
    return 0


def _words(root: Path, options, parser) -> int:
    from lecture_lib.texts import missing, shown

    texts = shown()
    left = missing(options.language, texts)
    print("\n".join(f"[{texts[text]}] {text}" for text in left))
    print(f"{len(left)} of {len(texts)} texts have no translation in {options.language}.toml")
    return 0


def _known(root: Path, names: list[str], parser) -> list[str]:
    """The folders of solutions/ that were asked for."""
    known = sorted(path.name for path in (root / "solutions").iterdir() if path.is_dir())
    names = [Path(name).name for name in names]  # also if given as folders
    if unknown := set(names) - set(known):
        parser.error(f"there is no solutions/{min(unknown)}; there are {', '.join(known)}")
    return names


def _execute(root: Path, options, parser) -> int:
    from lecture_lib.grading.execute import execute

    for name in _known(root, options.names, parser) or sorted(path.name for path in (root / "solutions").iterdir()):
        for notebook in sorted((root / "solutions" / name).glob("*.ipynb")):
            print(f"{notebook.relative_to(root)}: {execute(notebook):.0f} s")
    return 0


def _book(root: Path, options, parser) -> int:
    from lecture_lib.book.build import main

    return main(root)


def _grade(root: Path, options, parser) -> int:
    from lecture_lib.grading.coordinator import run
    from lecture_lib.grading.settings import GIB, SandboxError, Settings

    if not 0 <= options.library_costs <= 1:
        parser.error(f"--library-costs is {options.library_costs:g}. It should be a share from 0 to 1.")
    for name in ("answer_seconds", "submission_seconds", "memory"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            parser.error(f"--{name.replace('_', '-')} should be above 0")
    said = {name: value for name, value in vars(options).items() if value is not None}
    said["assignment"] = Path(options.assignment).name  # also if it was given as a folder
    if options.memory is not None:
        said["memory"] = int(min(options.memory, 1 << 20) * GIB)
    if options.no_sandbox:
        said["sandbox"] = "none"
    try:
        return run(root, Settings(**{f.name: said[f.name] for f in fields(Settings) if f.name in said}))
    except SandboxError as error:
        print(f"{error}\n{OTHER_WAYS}", file=sys.stderr)
    return 2


OTHER_WAYS = (
    "Nothing more was graded; what was is kept. Other ways: --sandbox container (needs podman or docker, and an image "
    "of the course: see docs/instructors.md), or --no-sandbox for a class that you trust."
)


if __name__ == "__main__":
    raise SystemExit(main())
