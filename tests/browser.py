"""A real browser for tests: headless Chromium, driven over a pipe by its DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--no-first-run",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """One page in one browser, and everything that it complains of or asks the network for."""

    def __init__(self, profile: Path) -> None:
        names = (
            NAMES if sys.platform == "linux" else ()
        )  # elsewhere a process cannot be given its pipes this way
        program = next((found for name in names if (found := shutil.which(name))), None)
        if program is None:
            if os.environ.get("CI") and sys.platform == "linux":
                pytest.fail("CI has no Chromium, and these tests must run there")
            pytest.skip("needs Chromium")
        theirs, ours = os.pipe()
        self.heard, theirs_too = os.pipe()

        def speak_on_3_and_4() -> None:
            saved = os.dup(theirs_too)  # which may itself be 3
            os.dup2(theirs, 3)
            os.dup2(saved, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}"],
            preexec_fn=speak_on_3_and_4, pass_fds=(3, 4), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(theirs_too)
        self.said = ours
        self.buffer = b""
        self.count = 0
        self.session: str | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.loaded = False

    def __enter__(self) -> Self:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.said)
        self.process.terminate()
        self.process.wait(20)
        os.close(self.heard)

    def open(self, page: Path, width: int = 1280, scheme: str = "light") -> None:
        """Show a file at that width and in that colour scheme, and wait until it has loaded."""
        self.complaints, self.requests, self.loaded = [], [], False
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self.call("Page.navigate", url=page.as_uri())
        while not self.loaded:
            self.take()

    def run(self, script: str) -> Any:
        """The value of a line of JavaScript."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self) -> bytes:
        """A PNG of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        return base64.b64decode(
            self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]
        )

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def call(self, method: str, **parameters: Any) -> Any:
        """Ask the browser for something and wait for its answer."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.said, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.take()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]

    def take(self) -> dict[str, Any]:
        """The next message; complaints and requests are noted."""
        while b"\0" not in self.buffer:
            chunk = os.read(self.heard, 1 << 16)
            assert chunk, "the browser is gone"
            self.buffer += chunk
        text, self.buffer = self.buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        match message.get("method"):
            case "Page.loadEventFired":
                self.loaded = True
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.complaints.append(json.dumps(message["params"])[:500])
            case "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"][:200])
        return message
