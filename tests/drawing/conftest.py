"""A display for the tests that open real windows."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def display() -> Iterator[None]:
    """A virtual screen of 1400×1000 pixels."""
    program = shutil.which("Xvfb")
    if program is None or shutil.which("xdotool") is None:
        pytest.skip("needs Xvfb and xdotool: sudo apt install xvfb xdotool")
    read, write = os.pipe()
    command = [
        program,
        "-displayfd",
        str(write),
        "-screen",
        "0",
        "1400x1000x24",
        "-nolisten",
        "tcp",
    ]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as stream, pytest.MonkeyPatch.context() as patch:
            patch.setenv("DISPLAY", f":{stream.readline().strip()}")
            yield
        server.terminate()
