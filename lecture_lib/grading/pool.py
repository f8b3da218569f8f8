"""The processes that judge: on this machine, or a cluster's. Whatever happens to one, its submissions are judged."""

from __future__ import annotations

import concurrent.futures as futures
import contextlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.util
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from lecture_lib.grading.assembled import without_answers
from lecture_lib.grading.course import Release
from lecture_lib.grading.results import DIED, INVALID, Result
from lecture_lib.grading.settings import CourseError, Disturbed, SandboxError, Settings
from lecture_lib.grading.submissions import Refused, Submission


def grade(*job) -> Result:
    """The judge's pure function, wherever the executor runs it; here nothing of torch is needed."""
    from lecture_lib.grading import judge

    return judge.grade(*job)


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


def judged(
    todo: list[Submission],
    release: Release,
    settings: Settings,
    interrupts: Interrupts,
    pool: futures.Executor | None = None,
) -> Iterator[Outcome]:
    """Results as they come, with a bounded number of notebooks in memory, and the text that was judged, if one was.

    If a worker of the pool dies, all that was running is suspect, and so is whoever was killed from outside, or ran
    into a fence on the clock. They run once more, one at a time, with nothing beside them: then it is their own doing.
    Raises Stopped at the first interrupt.
    """
    opened = partial(executor, settings) if pool is None else lambda count: contextlib.nullcontext((pool, 4))
    queue = _Queue(list(reversed(todo)), release, settings)
    while queue.waiting or queue.suspects:
        queue.alone = not queue.waiting
        if queue.alone:
            queue.waiting = [queue.suspects.pop()]
        if queue.fruitless >= 3:
            queue.fruitless = 0
            _try_out(opened)
        with opened(len(queue.waiting)) as (pool, at_once):
            yield from queue.through(pool, at_once, interrupts)


Outcome = tuple[Result, bytes | None]


@dataclass
class _Queue:
    """What is still to be judged, and what is to be judged again by itself."""

    waiting: list[Submission]
    release: Release
    settings: Settings
    suspects: list[Submission] = field(default_factory=list)
    alone: bool = False  # is there nothing beside what runs now?
    broken: bool = False  # has the pool lost a worker?
    fruitless: int = 0  # submissions in a row that ended their worker, each by itself

    def through(self, pool: futures.Executor, at_once: int, interrupts: Interrupts) -> Iterator[Outcome]:
        """All that waits, as long as the pool is whole."""
        running: dict[futures.Future, tuple[Submission, bytes]] = {}
        self.broken = False
        while (self.waiting and not self.broken) or running:
            while self.waiting and not self.broken and len(running) < at_once:
                yield from self.given_out(self.waiting.pop(), pool, running)
            for future in futures.wait(running, timeout=0.5, return_when=futures.FIRST_COMPLETED).done:
                yield from self.taken_back(future, *running.pop(future))
            if interrupts.came:
                raise Stopped

    def given_out(self, s: Submission, pool: futures.Executor, running: dict) -> Iterator[Outcome]:
        try:
            content, how = s.read(), replace(self.settings, alone=self.alone)
            running[pool.submit(grade, s.student, content, self.release, how, s.name, s.note)] = s, content
        except Refused as error:  # it changed meanwhile
            yield self.without(s, INVALID, str(error))
        except futures.BrokenExecutor:
            self.waiting.append(s)
            self.broken = True

    def taken_back(self, future: futures.Future, s: Submission, content: bytes) -> Iterator[Outcome]:
        try:
            result = future.result()
        except (SandboxError, CourseError):
            raise
        except futures.CancelledError:
            raise CourseError("The cluster cancelled what it was given. Run the same command again.") from None
        except Disturbed:
            self.suspects.append(s)
        except futures.BrokenExecutor:
            self.broken = True
            if self.alone:
                self.fruitless += 1
                yield self.without(s, DIED, "Grading this submission ended the grader's own process.")
            else:
                self.suspects.append(s)
        except Exception as error:  # one odd submission is no reason to stop; it may also be the cluster's doing
            if self.alone:
                why = f"The grader could not deal with this submission ({type(error).__name__}: {error})."
                yield self.without(s, DIED, why)
            else:
                self.suspects.append(s)
        else:
            self.fruitless = 0
            yield result, content

    def without(self, s: Submission, status: str, why: str) -> Outcome:
        return without_answers(s.student, status, why[:300], self.release, self.settings.seed, s.name), None


def _try_out(opened) -> None:
    """SandboxError if not even a worker with nothing to do stays alive."""
    with opened(1) as (pool, _):
        try:
            pool.submit(os.getpid).result()
        except futures.BrokenExecutor:
            raise SandboxError("the grader's workers end as soon as they start") from None


class Stopped(Exception):
    """The instructor wants the run to end."""


@contextlib.contextmanager
def executor(settings: Settings, count: int) -> Iterator[tuple[futures.Executor, int]]:
    """Processes on this machine, or a dask.distributed cluster; and how many jobs to give out at once."""
    if settings.scheduler:
        try:
            from distributed import Client
        except ImportError as error:
            raise SystemExit("This needs dask.distributed: pip install -e '.[cluster]'") from error
        try:
            client = Client(settings.scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise CourseError(f"No scheduler answers at {settings.scheduler} ({error}).") from None
        with client, client.get_executor(pure=False, retries=2) as pool:
            yield pool, max(8, 4 * sum(client.nthreads().values()))
        return
    method = "forkserver" if sys.platform.startswith("linux") else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["lecture_lib.grading.judge"])
        with no_interrupts():
            multiprocessing.forkserver.ensure_running()
    jobs = max(1, min(settings.jobs, count, len(cores())))
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
