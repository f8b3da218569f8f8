"""What a notebook's kernel knows: which cells ran, and with which error."""

import inspect
import re
import sys


def _shell():
    """IPython's, if this is a notebook's kernel, else None."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


def watch() -> None:
    """From now on a cell's NameError is followed by a line that says what to run."""
    if (shell := _shell()) and explain_name_error not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", explain_name_error)


def explain_name_error(result) -> None:
    error = result.error_in_exec
    if isinstance(error, NameError) and error.name:
        advice = "If a cell above makes it, run that first: choose Run, Run All Above Selected Cell."
        print(f"{error.name!r} is not known here. {advice}", file=sys.stderr)


def stale(answer) -> str:
    """A sentence, if the notebook's last cell with `def NAME` is not the one that made this function NAME; else "".

    So it is after an error in that cell: the function is still that of before.
    """
    name = getattr(answer, "__name__", "")
    run = getattr(_shell(), "user_ns", {}).get("In", [])
    cells = [cell for cell in run if re.search(rf"^def {re.escape(name)}\b", cell, re.M)]
    try:
        whole = re.compile(re.escape(inspect.getsource(answer).strip()) + r"\s*(\n\S|\Z)")  # up to an unindented line
    except (OSError, TypeError, SyntaxError):
        return ""
    if not cells or whole.search(cells[-1]) or not any(map(whole.search, cells)):
        return ""
    return (
        f"This is {name} as it was before you last ran its cell, which stopped with an error. Mend the error, run the "
        "cell, and check again."
    )
