"""The window left open for 30 seconds sends nothing and writes nothing; takes half a minute.

    python -m tests.slow.offline

ONNX Runtime's telemetry, where it is on, waits a while before it sends. Needs strace and Xvfb.
"""

import tempfile
from pathlib import Path

from tests.test_offline import Watched, draw

SECONDS = 30


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        draw(Watched(Path(folder)), SECONDS)
    print(f"mnistlab draw, {SECONDS} s: no socket but the display's, nothing written elsewhere")


if __name__ == "__main__":
    main()
