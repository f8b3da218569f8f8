"""What the processes of a sandbox take, as the kernel counts it and anybody outside can read it."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
LOOKS = 5  # at once, where processes end while they are looked at


class Look(NamedTuple):
    """At a process and all below it."""

    memory: int = 0  # bytes of their own: what a file holds can be read again, and counts nowhere
    times: Mapping[int, tuple[int, int]] = {}  # each one's CPU time, and that of children for which it waited, in ticks
    asleep: bool = False  # no thread computes, or waits for a processor or for the disk
    complete: bool = True


class Work:
    """Seconds of work of a process and all below it, and bytes of memory, look by look.

    Work is CPU time as the kernel counts it, or time in which all sleep: at two looks in a row, and no work in between.
    So it is the same however loaded the machine is. Only where a process does not want to hear of its children's end is
    what they did lost to the kernel's count; from then on the clock counts.
    """

    def __init__(self, top: int):
        self.top = top
        self._last, self._when, self._hides = look(top), time.monotonic(), False

    def since(self, asked: float) -> tuple[float, int]:
        """Since the last look, but for what was before `asked` on the clock, when nobody had to do anything."""
        now, when = look(self.top), time.monotonic()
        if self._lost(now):
            now = look(self.top)  # one may have ended between two readings
            self._hides = self._hides or self._lost(now)
        before, passed = self._last, when - max(self._when, asked)
        worked = max(0.0, (_sum(now.times) - _sum(before.times)) / TICK)
        slept = before.asleep and now.asleep and self._when >= asked and worked < passed / 10
        self._last, self._when = now, when
        return max(worked, passed if slept or self._hides else 0.0), now.memory

    def _lost(self, now: Look) -> bool:
        """Has the time of those that are gone not come to anybody who is there?"""
        gone = {pid: both for pid, both in self._last.times.items() if pid not in now.times}
        came = sum(now.times[pid][1] - both[1] for pid, both in self._last.times.items() if pid in now.times)
        return came < _sum(gone)


def _sum(times: Mapping[int, tuple[int, int]]) -> int:
    return sum(map(sum, times.values()))


def look(top: int) -> Look:
    """At `top` and all below it.

    A process can hand its memory on to a child and end, again and again, so as to be gone when its turn comes. So
    where one is gone, all are looked at once more, and the most memory that was seen counts.
    """
    if not sys.platform.startswith("linux"):
        return _by_psutil(top)
    memory = 0
    for _ in range(LOOKS):
        one = _look(top)
        memory = max(memory, one.memory)
        if one.complete:
            break
    return one._replace(memory=memory)


def _look(top: int) -> Look:
    """Parents before children: then the time of a process that ends meanwhile is never counted twice."""
    memory, times, asleep, complete, waiting = 0, {}, True, True, [top]
    while waiting:
        pid = int(waiting.pop())
        process = Path(f"/proc/{pid}")
        try:
            u, s, cu, cs = map(int, _fields(process / "stat")[11:15])
            threads = [process / "task" / name for name in os.listdir(process / "task")]  # the first may have ended
        except OSError:
            complete = False
            continue
        times[pid] = u + s, cu + cs
        alive = []
        for thread in threads:
            with contextlib.suppress(OSError):
                state = _fields(thread / "stat")[0]
                asleep = asleep and state not in "RDTt"
                alive += [thread] if state not in "ZX" else []
                waiting += (thread / "children").read_text().split()
        held = next((m for m in map(_memory, alive) if m is not None), None)
        memory += held or 0
        complete = complete and (held is not None or not alive)
    return Look(memory, times, asleep, complete)


def _fields(stat: Path) -> list[str]:
    """What comes after the name, which may hold anything: the state first."""
    return stat.read_text(errors="replace").rpartition(")")[2].split()


def _memory(thread: Path) -> int | None:
    """Bytes without a file, each shared page by its share; None if it has ended."""
    for file, names in (("smaps_rollup", "Pss_Anon|Pss_Shmem|SwapPss"), ("status", "RssAnon|RssShmem|VmSwap")):
        with contextlib.suppress(OSError):  # not the first, where it hides: then what it shares counts as its own
            if found := re.findall(rf"^(?:{names}):\s+(\d+) kB", (thread / file).read_text(errors="replace"), re.M):
                return 1024 * sum(map(int, found))
    return None


def _by_psutil(top: int) -> Look:
    import psutil

    memory, seconds = 0, 0.0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(top)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                seconds += sum(one.cpu_times()[:4])
                memory += one.memory_info().rss
    return Look(memory, {top: (int(seconds * TICK), 0)})  # elsewhere nobody counts for children that have ended


def kills_for_memory() -> int:
    """How many processes this machine's kernel has ended because memory was short."""
    with contextlib.suppress(OSError):
        return int(re.search(r"^oom_kill (\d+)", Path("/proc/vmstat").read_text(), re.M)[1])
    return 0
