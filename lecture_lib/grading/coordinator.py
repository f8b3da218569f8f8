"""`python -m lecture_lib grade`: every submission through the judge, marks into the gradebook, tables for the teacher.

The judge is one pure function; any `concurrent.futures.Executor` runs it. What comes back is first stored in
grading/results, then written to the gradebook. So a run that was stopped, however, goes on where it was.
"""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import hashlib
import json
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.util
import os
import secrets
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from lecture_lib.grading.course import CourseError, Release, read_release
from lecture_lib.grading.gradebook import Book, write
from lecture_lib.grading.results import DIED, INVALID, MISSING, Result, Settings, without_answers
from lecture_lib.grading.sandbox_config import SandboxError, missing
from lecture_lib.grading.submissions import LAYOUTS, Found, Refused, Submission, few, find, nfc
from lecture_lib.grading.tables import COMMONEST, LMS, as_csv, as_html, commonest


@dataclass(frozen=True)
class Options:
    assignment: str
    submitted: Path | None = None
    jobs: int = 1
    scheduler: str = ""
    student: str = ""
    regrade: bool = False
    pattern: str = ""
    seed: int | None = None


def run(root: Path, options: Options, settings: Settings, pool: futures.Executor | None = None) -> int:
    """Grade; returns the exit code. Raises CourseError or SandboxError with a sentence for the instructor.

    pool: any executor, in place of processes on this machine or the cluster that the options name.
    """
    from filelock import FileLock, Timeout

    release = read_release(root, options.assignment)
    settings = replace(settings, sandbox=replace(settings.sandbox, hidden=(*settings.sandbox.hidden, str(root))))
    if not options.scheduler and (problem := missing(settings.sandbox)):
        raise SandboxError(problem)
    folder = root / "grading" / "results" / release.assignment
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0), contextlib.closing(Book(root, release)) as book:
            return _run(root, release, options, settings, Results(folder), book, pool)
    except Timeout:
        raise CourseError(f"{release.assignment} is being graded by another process.") from None


def _run(root: Path, release: Release, options: Options, settings: Settings, results: Results, book: Book, pool) -> int:
    options = replace(options, student=nfc(options.student))
    others = {path.name for path in (root / "notebooks").iterdir()} - {release.assignment}
    default = root / book.folders.submitted_directory
    found = find(default, release, options.submitted, options.pattern, others)
    submissions = found.submissions
    print(reading(found))
    if options.student:
        submissions = [s for s in submissions if s.student == options.student]
        if not submissions:
            raise CourseError(f"{options.student} has no submission of {release.assignment}.")
    book.prepare()
    settings = replace(settings, seed=results.begin(options))
    key = _key(release, settings)
    interrupted, unwritten = _grade_all(submissions, release, options, settings, key, results, book, pool)
    if not interrupted:
        results.finished(options)
    everybody, came = results.all(), {s.student for s in submissions}
    gone = sorted(everybody.keys() - came) if not options.student else []
    for student in gone:
        del everybody[student]
    for student, name in book.students().items():
        if nfc(student) not in everybody and student not in gone:
            why = "Nothing was handed in."
            everybody[student] = without_answers(student, MISSING, why, release, settings.seed, name)
    listed = [everybody[student] for student in sorted(everybody)]
    totals = {student: total for student, total in book.totals().items() if student not in unwritten}
    paths = _write_tables(root, release, found, listed, totals, settings)
    print(summary(listed, release), *(f"{path.relative_to(root)}" for path in paths), sep="\n")
    if waiting := sum(totals[r.student].waits for r in listed if r.student in totals):
        print(f"Waiting for marks by hand, in nbgrader's formgrader: {waiting}. Then run this again for the totals.")
    if options.student in everybody:
        print(about(next(r for r in listed if r.student == options.student)))
    if gone:
        print(f"No longer handed in, with marks from before in the gradebook: {few(gone, 10)}")
    if found.nobodys:
        print(f"Nobody's, by their names ({len(found.nobodys)}): {few(found.nobodys, 10)}")
    if interrupted:
        print("Interrupted. Run the same command again: it goes on from here.")
    return 130 if interrupted else 1 if unwritten else 0


def _key(release: Release, settings: Settings) -> str:
    """What a mark depends on besides the submission; not on the seed, which is drawn anew for each run."""
    sandbox = (settings.sandbox.kind, settings.sandbox.image)
    text = f"{release.key} {release.exercises} {release.allowed} {settings.limits} {sandbox} {settings.library_costs}"
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------- results, on disk


class Results:
    """One JSON file for each student, and one for the run. Written whole or not at all."""

    def __init__(self, folder: Path):
        self.folder = folder

    def begin(self, options: Options) -> int:
        """Go on with the run that was stopped, or begin a new one; returns the seed, the instructor's or one drawn.

        A run for one student is apart from those of the class.
        """
        path, last = self.folder / "run.json", {"finished": True}
        if path.is_file() and not options.student:
            last = json.loads(path.read_text())
        goes_on = not last["finished"] and last["regrade"] >= options.regrade
        self.run = last["run"] if goes_on else secrets.token_hex(8)
        self.regrade = last["regrade"] if goes_on else options.regrade
        seed = last["seed"] if goes_on else secrets.randbelow(1 << 31)
        self.seed = options.seed
        seed = seed if options.seed is None else options.seed
        if not options.student:
            write(path, json.dumps({"run": self.run, "seed": seed, "regrade": self.regrade, "finished": False}))
        return seed

    def finished(self, options: Options) -> None:
        path = self.folder / "run.json"
        if not options.student:
            write(path, json.dumps({**json.loads(path.read_text()), "finished": True}))

    def _path(self, student: str) -> Path:
        name = quote(student, safe="")
        return self.folder / f"student {name if len(name) <= 100 else hashlib.sha256(name.encode()).hexdigest()}.json"

    def get(self, student: str, key: str) -> Result | None:
        """The stored result, if it was made with this key, with the seed that was asked for, if one was, and in this
        run, if that grades everything again."""
        path = self._path(student)
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            stored = json.loads(path.read_text(encoding="utf-8"))
            result = Result.from_dict(stored["result"])
            same_seed = self.seed is None or result.seed == self.seed
            if stored["key"] == key and same_seed and (not self.regrade or stored["run"] == self.run):
                return result
        return None

    def put(self, result: Result, key: str) -> None:
        write(self._path(result.student), json.dumps({"key": key, "run": self.run, "result": result.to_dict()}))

    def all(self) -> dict[str, Result]:
        found = {}
        for path in self.folder.glob("student *.json"):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # of another version
                result = Result.from_dict(json.loads(path.read_text(encoding="utf-8"))["result"])
                found[result.student] = result
        return found


# ---------------------------------------------------------------- all submissions


def grade(*job) -> Result:
    """The judge's pure function, wherever the executor runs it; here nothing of torch is needed."""
    from lecture_lib.grading import judge

    return judge.grade(*job)


def _grade_all(submissions, release: Release, options: Options, settings, key: str, results: Results, book: Book, pool):
    """Returns whether it was interrupted, and what the gradebook did not take."""
    from tqdm.auto import tqdm

    todo, stamps, keys, again = [], {}, {}, []
    for submission in submissions:
        student = submission.student
        stamps[student] = submission.timestamp
        content, keys[student] = _read(submission, key)
        stored = results.get(student, keys[student])
        if stored is not None:
            again.append(stored)
        elif content is None:
            again.append(without_answers(student, INVALID, submission.problem, release, settings.seed, submission.name))
            results.put(again[-1], keys[student])
        else:
            todo.append(submission)
    unwritten = {}

    def record(result: Result) -> None:
        try:
            book.record(result, stamps[result.student])
        except Exception as error:  # one odd name is no reason to stop
            book.gradebook.db.rollback()
            unwritten[result.student] = f"{type(error).__name__}: {error}"[:200]

    for result in again:
        if not book.is_up_to_date(result):  # the last run was stopped between the two
            record(result)
    opened = partial(executor, options) if pool is None else lambda count: contextlib.nullcontext((pool, 4))
    bar = tqdm(total=len(todo), unit="submission", desc=release.assignment, disable=not todo)
    with bar, Interrupts() as interrupts, contextlib.suppress(Stopped):
        for result, judged in _judged(todo, release, settings, opened, interrupts):
            # what the grader could not do is in the report, and is tried again the next time
            results.put(result, keys[result.student] if judged else "")
            record(result)
            bar.update()
    for student, why in unwritten.items():
        print(f"The gradebook did not take the marks of {student} ({why}).", file=sys.stderr)
    return interrupts.came, unwritten


class Interrupts:
    """Ctrl-C and SIGTERM wait until what is being written is written; a second one does not."""

    came = False

    def __enter__(self) -> Interrupts:
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, frame) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True


def _read(submission: Submission, key: str) -> tuple[bytes | None, str]:
    """The notebook's bytes, None if it cannot be read, and the key of its result."""
    content = None
    if submission.read is not None:
        try:
            content = submission.read()
        except Refused as error:
            submission.problem = str(error)
    digest = hashlib.sha256(f"{key} {submission.name} {submission.note} {submission.problem} ".encode())
    digest.update(content or b"")
    return content, digest.hexdigest()


def _judged(
    todo: list[Submission], release: Release, settings: Settings, opened: Callable, interrupts: Interrupts
) -> Iterator[tuple[Result, bool]]:
    """Results as they come, with a bounded number of notebooks in memory, and whether they are the judge's.

    If a worker of the pool dies, all that was running is suspect, and runs once more, one at a time: whoever ends a
    worker then has done it alone. Raises Stopped at the first interrupt.
    """
    waiting, suspects, fruitless = list(reversed(todo)), [], 0

    def without(s: Submission, status: str, why: str) -> tuple[Result, bool]:
        return without_answers(s.student, status, why[:300], release, settings.seed, s.name), False

    while waiting or suspects:
        one_by_one = not waiting
        if one_by_one:
            waiting = [suspects.pop()]
        if fruitless >= 3:
            fruitless = 0
            with opened(1) as (pool, _):
                try:
                    pool.submit(os.getpid).result()
                except futures.BrokenExecutor:
                    raise SandboxError("the grader's workers end as soon as they start") from None
        with opened(len(waiting)) as (pool, at_once):
            running: dict[futures.Future, Submission] = {}
            broken = False
            while (waiting and not broken) or running:
                while waiting and not broken and len(running) < at_once:
                    s = waiting.pop()
                    try:
                        job = (s.student, s.read(), release, settings, s.name, s.note)
                        running[pool.submit(grade, *job)] = s
                    except Refused as error:  # it changed meanwhile
                        yield without(s, INVALID, str(error))
                    except futures.BrokenExecutor:
                        waiting.append(s)
                        broken = True
                for future in futures.wait(running, timeout=0.5, return_when=futures.FIRST_COMPLETED).done:
                    s = running.pop(future)
                    try:
                        result = future.result()
                    except (SandboxError, CourseError):
                        raise
                    except futures.CancelledError:
                        raise CourseError(
                            "The cluster cancelled what it was given. Run the same command again."
                        ) from None
                    except futures.BrokenExecutor:
                        broken = True
                        if one_by_one:
                            fruitless += 1
                            yield without(s, DIED, "Grading this submission ended the grader's own process.")
                        else:
                            suspects.append(s)
                    except Exception as error:  # one odd submission is no reason to stop
                        why = f"The grader could not deal with this submission ({type(error).__name__}: {error})."
                        yield without(s, DIED, why)
                    else:
                        fruitless = 0
                        yield result, True
                if interrupts.came:
                    raise Stopped


class Stopped(Exception):
    """The instructor wants the run to end."""


@contextlib.contextmanager
def executor(options: Options, count: int) -> Iterator[tuple[futures.Executor, int]]:
    """Processes on this machine, or a dask.distributed cluster; and how many jobs to give out at once."""
    if options.scheduler:
        try:
            from distributed import Client
        except ImportError as error:
            raise SystemExit("This needs dask.distributed: pip install -e '.[cluster]'") from error
        try:
            client = Client(options.scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise CourseError(f"No scheduler answers at {options.scheduler} ({error}).") from None
        with client, client.get_executor(pure=False, retries=2) as pool:
            yield pool, max(8, 4 * sum(client.nthreads().values()))
        return
    method = "forkserver" if sys.platform.startswith("linux") else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["lecture_lib.grading.judge"])
        with no_interrupts():
            multiprocessing.forkserver.ensure_running()
    jobs = max(1, min(options.jobs, count, len(cores())))
    pool = futures.ProcessPoolExecutor(
        jobs, context, _start_worker, (context.Value("i", secrets.randbelow(len(cores()))), jobs)
    )
    try:
        yield pool, 2 * jobs
        pool.shutdown()
    except BaseException:
        processes = list(pool._processes.values()) if pool._processes else []
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        raise


def cores() -> list[int]:
    """The processors that there are for this process."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


@contextlib.contextmanager
def no_interrupts() -> Iterator[None]:
    """What is started here leaves Ctrl-C to the coordinator, from its first moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker(counter, jobs: int) -> None:
    """A worker ends with its coordinator, however that ends, and leaves Ctrl-C to it; its sandbox keeps to one core."""
    from lecture_lib.grading import judge

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    multiprocessing.util.Finalize(None, judge.close, exitpriority=1)
    if jobs > 1 and hasattr(os, "sched_setaffinity"):  # whatever a submission does, it takes no other's time
        with counter.get_lock():
            number, counter.value = counter.value, counter.value + 1
        judge.core = cores()[number % len(cores())]


# ---------------------------------------------------------------- what is said


def summary(results: list[Result], release: Release) -> str:
    """A few lines for the terminal."""
    counts = Counter(r.status for r in results)
    came = [r for r in results if r.status != MISSING]
    mean = sum(r.points for r in came) / len(came) if came else 0.0
    lines = [f"{release.assignment}: {', '.join(f'{n} {status}' for status, n in counts.most_common())}"]
    lines.append(f"mean of those who handed in: {mean:.2f} of {release.points:g} points")
    for exercise, mistake, n in commonest(results)[:COMMONEST]:
        lines.append(f"  {n:4} x {exercise}: {mistake}")
    return "\n".join(lines)


def reading(found: Found) -> str:
    """How the names of what was handed in were read."""
    count = sum(len(s.members) for s in found.submissions)
    return f"{LAYOUTS[found.layout]}: {count} of {count + len(found.nobodys)} files, {len(found.submissions)} students"


def about(result: Result) -> str:
    """One student's marks."""
    lines = [f"{result.student} {result.name}".rstrip() + f": {result.points:g} points, {result.status}. {result.why}"]
    lines += [f"  {m.points:4g} of {m.out_of:g}  {m.exercise}{': ' * bool(m.why)}{m.why}" for m in result.marks]
    return "\n".join(line.rstrip() for line in lines)


def _write_tables(root: Path, release: Release, found: Found, results: list[Result], totals, settings) -> list[Path]:
    folder = root / "grading" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    how = {
        "none": "Graded without a sandbox: these marks are proof only in a class that one trusts.",
        "bubblewrap": "Graded in a sandbox (bubblewrap).",
        "container": f"Graded in containers ({settings.sandbox.engine}, {settings.sandbox.image}).",
    }[settings.sandbox.kind]
    seeds = sorted({r.seed for r in results if r.status != MISSING})
    how += f" Seed{'s' * (len(seeds) != 1)}: {', '.join(map(str, seeds))}."
    # Excel reads UTF-8 only with the mark; the LMSs' imports do not want it
    tables = {f"{release.assignment}.csv": "\ufeff" + as_csv(results, release, totals)}
    tables[f"{release.assignment}.html"] = as_html(results, release, totals, how, found.nobodys)
    if found.layout in LMS:
        tables[f"{release.assignment}_{found.layout}.csv"] = LMS[found.layout](results, release, totals)
    for name, text in tables.items():
        write(folder / name, text)
    return [folder / name for name in tables]
