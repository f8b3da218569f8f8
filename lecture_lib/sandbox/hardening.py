"""What one submission's process gives up before it runs a student's line.

Bubblewrap has closed the rest off: no network, no home, nothing of the course but the library. Inside, every
submission gets namespaces of its own, so that it can neither see, nor signal, nor outlive the process that grades the
next one; limits; and a filter for the system calls that nobody needs here, so that what the limits do not count
(shared memory without a file, new namespaces) cannot be had at all. Linux only.

Sources: the manual pages namespaces(7), user_namespaces(7), pid_namespaces(7), seccomp(2), prctl(2).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct

NOBODY = 65534
NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NET = 0x00020000, *(1 << bit for bit in range(26, 31))
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND = 1, 2, 4, 8, 4096

libc = ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    _must(libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()), f"mount {target}")


def uncover_proc() -> None:
    """Where the grader is root, bubblewrap covers parts of /proc; then no namespace inside could have one of its own.
    This one belongs to root as before, and nobody writes to it."""
    if os.getuid() == 0:
        _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def become_nobody() -> None:
    """Where the grader is root: no longer. Limits do not hold for root, and files of root could be read."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def unreadable() -> None:
    """No other process of the same user may look into this one's memory, nor attach to it."""
    _must(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def die_with_parent() -> None:
    _must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def unshare() -> None:
    """Namespaces of its own for this process; of processes, for its children: the first one is their init."""
    user, group = os.getuid(), os.getgid()
    _must(libc.unshare(NEW_USER | NEW_PIDS | NEW_MOUNTS | NEW_IPC | NEW_UTS | NEW_NET), "unshare")
    _must(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")  # else the files below belong to root
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    unreadable()


def mount_own(size: int) -> None:
    """What goes with the namespaces: an empty home of `size` bytes, which is /dev/shm, too, and a /proc in which
    nothing can be written, and which counts processes from 1: what ran before leaves no trace in it."""
    home = os.environ["HOME"]
    _mount("tmpfs", home, "tmpfs", MS_NOSUID | MS_NODEV, f"size={size},nr_inodes=4096,mode=1777")
    _mount(home, "/dev/shm", "", MS_BIND)
    _mount("proc", "/proc", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.chdir(home)


def first_to_go() -> None:
    """If memory is short, the kernel ends this process before any of the grader's."""
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def limit(memory: int, cpu_seconds: int, processes: int | None, file_size: int) -> None:
    """For this process and each of its children: bytes beyond what is mapped now, CPU seconds, and so on."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_AS, mapped + memory),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 1),  # 0 would not keep a crash from the host's program for crash reports
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        if most is not None:
            resource.setrlimit(what, (most, most))


def drop_capabilities() -> None:
    """Those that a new user namespace gave."""
    for number in range(64):
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0):
            break  # the last one was the one before
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)  # version 3, this process; no set holds any
    _must(libc.capset(header, none), "capset")


# name: its number on x86-64, and on 64-bit Arm, where not every old one exists
REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "shmget": (29, 194),  # memory without a file, outside every limit
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "msgget": (68, 186),
    "semget": (64, 190),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_setup": (206, 0),
    "vmsplice": (278, 75),  # memory that belongs to a pipe, and to no process
    "sync": (162, 81),  # all that anybody has written, to the disk, at everybody's expense
    "syncfs": (306, 267),
    "sync_file_range": (277, 84),
    "fadvise64": (221, 223),  # which pages of a file are in memory: notes from one process to another
    "preadv2": (327, 286),
    "mincore": (27, 232),
    "cachestat": (451, 451),
    "socket": (41, 198),  # there is no network; some families know no namespaces. Socket pairs remain
    "setsockopt": (54, 208),  # buffers of the kernel, which no limit counts
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),  # each sandbox keeps to its own core
    "sched_setattr": (314, 274),
    "utimensat": (280, 88),  # the times of /dev/null are the host's
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
}
DONE = {  # without doing it
    "fsync": (74, 82),  # here all files that can be written are in memory
    "fdatasync": (75, 83),
}
MACHINES = {"x86_64": (0, 0xC000003E, 56, 435), "aarch64": (1, 0xC00000B7, 220, 435)}  # column, audit, clone, clone3
FCNTL = {"x86_64": 72, "aarch64": 25}
SETLK, SETLKW, OFD_SETLK, OFD_SETLKW = 6, 7, 37, 38  # locks on parts of a file: memory of the kernel, without a limit
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = 1, 38
NEW_ANY = 0x7E020000  # every CLONE_NEW* flag but NEWTIME, which clone does not take


def filter_calls() -> None:
    """Refuse the system calls above for good, for this process and its children (seccomp, classic BPF)."""
    column, audit, clone, clone3 = MACHINES[platform.machine()]
    load, equal, at_least, bits, answer = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF: LD W ABS; JEQ, JGE, JSET with K; RET K
    code: list[tuple[int, int, int, int]] = [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, audit),
        (answer, 0, 0, KILL),  # system calls of another architecture would have other numbers
        (load, 0, 0, 0),  # the number
        (at_least, 0, 1, 0x40000000),
        (answer, 0, 0, KILL),  # x32 on x86-64
        (equal, 0, 1, clone3),
        (answer, 0, 0, ERRNO | ENOSYS),  # its flags lie in memory: the C library falls back to clone
    ]
    for numbers in REFUSED.values():
        if numbers[column] is not None:
            code += [(equal, 0, 1, numbers[column]), (answer, 0, 0, ERRNO | EPERM)]
    for numbers in DONE.values():
        code += [(equal, 0, 1, numbers[column]), (answer, 0, 0, ERRNO)]
    code += [
        (equal, 0, 7, FCNTL[platform.machine()]),
        (load, 0, 0, 24),  # what fcntl is to do
        (equal, 4, 0, SETLK),
        (equal, 3, 0, SETLKW),
        (equal, 2, 0, OFD_SETLK),
        (equal, 1, 0, OFD_SETLKW),
        (answer, 0, 0, ALLOW),
        (answer, 0, 0, ERRNO | EPERM),
        (equal, 0, 3, clone),
        (load, 0, 0, 16),  # clone's flags
        (bits, 0, 1, NEW_ANY),
        (answer, 0, 0, ERRNO | EPERM),
        (answer, 0, 0, ALLOW),
    ]
    program = b"".join(struct.pack("=HBBI", *line) for line in code)
    held = ctypes.create_string_buffer(program)
    header = struct.pack("=H6xQ", len(code), ctypes.addressof(held))
    _must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    _must(libc.prctl(PR_SET_SECCOMP, 2, ctypes.create_string_buffer(header), 0, 0), "seccomp")
