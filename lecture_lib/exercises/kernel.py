"""What a notebook's kernel knows: which cells ran, and with which error."""

import inspect
import re
import sys

from lecture_lib.language import translated


def _shell():
    """IPython's, if this is a notebook's kernel, else None."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


_failed: dict[str, str] = {}  # by its name, the last cell with a `def` that ended with an error


def watch() -> None:
    """From now on remember which definitions failed; and a cell's NameError is followed by what to run."""
    if (shell := _shell()) and look_back not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", look_back)


def look_back(result) -> None:
    for name in re.findall(r"^def (\w+)", result.info.raw_cell, re.M):
        _failed.pop(name, None) if result.success else _failed.update({name: result.info.raw_cell})
    error = result.error_in_exec
    if isinstance(error, NameError) and error.name:
        advice = "If a cell above makes it, run that first: choose Run, Run All Above Selected Cell."
        print(translated(f"{error.name!r} is not known here. {advice}"), file=sys.stderr)


def stale(answer) -> str:
    """A sentence, if the last cell with `def NAME` failed and this function NAME is another one, of before; else ""."""
    name = getattr(answer, "__name__", "")
    try:
        whole = re.compile(re.escape(inspect.getsource(answer).strip()) + r"\s*(\n\S|\Z)")  # up to an unindented line
    except (OSError, TypeError, SyntaxError):
        return ""
    if name not in _failed or whole.search(_failed[name]):
        return ""
    return (
        f"This is {name} as it was before you last ran its cell, which stopped with an error. Mend the error, run the "
        "cell, and check again."
    )
