"""What many tests need: small data, real data where it is at hand, a cache folder of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # as runs are; two threads on a busy machine wait for each other

import numpy as np
import pytest

from mnistlab.book.reading import parse_book
from mnistlab.book.trial import Book
from mnistlab.data.catalog import load_data
from mnistlab.images import DataSet, Images

BASE = """
[base]
conv = [{ out = 4, kernel = 5, stride = 3 }]
batch_size = 32
learning_rate = 0.003
epochs = 2
"""


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def mnist() -> DataSet:
    """Real MNIST."""
    folder = os.environ.get("MNISTLAB_DATA")
    if not folder or not Path(folder, "mnist").is_dir():
        pytest.skip(
            "needs real MNIST: set MNISTLAB_DATA to a folder that holds mnist/ with the four "
            "IDX files"
        )
    return load_data(Path(folder, "mnist"))


@pytest.fixture(scope="session")
def mini() -> DataSet:
    """5,000 of MNIST's training images and 1,000 of its test images, from the package."""
    return load_data("mini")


def random_images(n: int, seed: int = 0) -> Images:
    """Noise with labels that can be learned: the row that is full of ink."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.uint8) % 10
    pixels = generator.integers(0, 60, (n, 28, 28), dtype=np.uint8)
    pixels[np.arange(n), 4 + 2 * labels.astype(int)] = 255
    return Images(pixels, labels)


@pytest.fixture
def tiny() -> DataSet:
    """360 images to train on, of which a sixth may be set aside, and 60 to test on."""
    return DataSet("tiny", random_images(360), random_images(60, seed=1))


@pytest.fixture
def tiny_book() -> Book:
    """Two quick trials, two seeds."""
    trials = '[[trial]]\nname = "a"\n[[trial]]\nname = "b"\nfrom = "a"\nlearning_rate = 0.001\n'
    return parse_book("seeds = 2\nvalidation = 60\n" + BASE + trials, "tiny", "tiny.toml")
