"""python -m lecture_lib: release the notebooks, or run the solutions and store their outputs."""

from __future__ import annotations

import argparse
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    root = Path.cwd()
    parser = argparse.ArgumentParser(prog="python -m lecture_lib", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    release = commands.add_parser("release", help="write notebooks/ from solutions/")
    release.add_argument("--check", action="store_true", help="change nothing; fail with a list where they differ")
    execute = commands.add_parser("execute", help="run solutions and store their outputs")
    execute.add_argument("names", nargs="*", help="folders of solutions/, by default all")
    options = parser.parse_args(arguments)
    if not (root / "solutions").is_dir():
        parser.error(f"there is no folder solutions/ in {root}; run this in the course's folder")

    if options.command == "release":
        from lecture_lib.grading.release import differences, release

        changes = differences(root) if options.check else release(root)
        print("\n".join(changes) or "notebooks/ is what solutions/ says")
        return 1 if options.check and changes else 0

    from lecture_lib.grading.execute import execute

    known = sorted(path.name for path in (root / "solutions").iterdir() if path.is_dir())
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"there is no solutions/{min(unknown)}; there are {', '.join(known)}")
    for name in options.names or known:
        for notebook in sorted((root / "solutions" / name).glob("*.ipynb")):
            print(f"{notebook.relative_to(root)}: {execute(notebook):.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
