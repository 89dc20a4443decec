"""Make the data set `mini` from MNIST: 5,000 images to train on and 1,000 to test on.

    python scripts/make_mini.py DIR_WITH_MNIST

The rule: of each digit the first 500 of MNIST's training images and the first 100 of its test
images, kept in MNIST's order. They are written as four gzipped IDX files that hold no time and no
name, so that the same zlib gives the same bytes.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np

from mnistlab.data import idx
from mnistlab.images import DIGITS, Bytes, DataSet, Images

TRAIN, TEST = 500, 100  # images of each digit
MINI = Path(idx.__file__).parent / "mini"


def select(mnist: DataSet) -> DataSet:
    """The data set `mini`, chosen from MNIST by the rule above."""
    return DataSet("mini", first_of_each(mnist.train, TRAIN), first_of_each(mnist.test, TEST))


def first_of_each(images: Images, count: int) -> Images:
    """The first `count` images of each digit, in the order in which they come."""
    chosen = [np.flatnonzero(images.labels == digit)[:count] for digit in range(len(DIGITS))]
    return images[np.sort(np.concatenate(chosen))]


def write(data: DataSet, folder: Path) -> None:
    """Write a data set as four gzipped IDX files into `folder`."""
    for part, images in (("train", data.train), ("test", data.test)):
        for kind, elements in (("images", images.pixels), ("labels", images.labels)):
            path = folder / f"{idx.FILES[f'{part} {kind}']}.gz"
            with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
                file.write(to_idx(elements))


def to_idx(elements: Bytes) -> bytes:
    """An IDX file of unsigned bytes: magic number, shape, elements (see `mnistlab.data.idx`)."""
    shape = np.array(elements.shape, ">u4").tobytes()
    return bytes((0, 0, 8, elements.ndim)) + shape + elements.tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the data set `mini` from MNIST.")
    parser.add_argument("mnist", type=Path, help="a folder with MNIST's four IDX files")
    write(select(idx.read_folder(parser.parse_args().mnist, "mnist")), MINI)


if __name__ == "__main__":
    main()
