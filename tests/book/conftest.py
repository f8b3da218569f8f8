"""What the book's tests share."""

import os

import pytest
from playwright.sync_api import sync_playwright

from tests.widgets.lab import FLAGS, MISSING, chromium


@pytest.fixture(scope="module")
def browser():
    if chromium() is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
