"""What all tests share."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

import pytest
import torch

from lecture_lib.grading.sandbox_config import missing
from lecture_lib.grading.settings import Settings

ROOT = Path(__file__).parents[1]
# glibc gives large arrays back to the system at once; to get them again takes longer than to compute with them
with contextlib.suppress(AttributeError, OSError, TypeError):
    M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
    for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        ctypes.CDLL(None).mallopt(option, 1 << 30)
# tests call jupyter and nbgrader by name, also where the environment is not activated
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


NO_SANDBOX = missing(Settings())
needs_sandbox = pytest.mark.skipif(
    bool(NO_SANDBOX) and not (os.environ.get("CI") and sys.platform == "linux"), reason=f"no sandbox: {NO_SANDBOX}"
)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def root():
    return ROOT
