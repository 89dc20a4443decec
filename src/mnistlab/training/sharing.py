"""A split written once into the cache, which every worker process maps into its memory."""

import hashlib
from dataclasses import fields
from pathlib import Path

import numpy as np

from mnistlab import atomic
from mnistlab.data.split import PARTS, DataInfo, Split
from mnistlab.errors import StoreError
from mnistlab.images import Images


def share_split(split: Split, cache: Path) -> Path:
    """Write a split into the cache unless it is there; worker processes map it into memory.

    Raises StoreError.
    """
    key = hashlib.sha256(split.info.model_dump_json().encode()).hexdigest()[:16]
    folder = cache / "splits" / key
    try:
        atomic.remove_leftovers(folder.parent)
        files = [f"{part}-{field.name}.npy" for part in PARTS for field in fields(Images)]
        if not atomic.discard_if_incomplete(folder, ["info.json", *files]):
            with atomic.whole_folder(folder) as temporary:
                (temporary / "info.json").write_text(split.info.model_dump_json(), "utf-8")
                for part in PARTS:
                    for field in fields(Images):
                        array = getattr(getattr(split, part), field.name)
                        np.save(temporary / f"{part}-{field.name}.npy", array, allow_pickle=False)
    except OSError as error:
        remedy = "set MNISTLAB_CACHE to a folder that can"
        raise StoreError(f"{folder}: cannot be written ({error}); {remedy}") from None
    return folder


def open_split(folder: Path) -> Split:
    """Map a shared split into memory: copy-on-write, so every process reads the same pages."""
    info = DataInfo.model_validate_json((folder / "info.json").read_text("utf-8"))
    parts = {
        part: Images(
            *(
                np.load(folder / f"{part}-{field.name}.npy", mmap_mode="c", allow_pickle=False)
                for field in fields(Images)
            )
        )
        for part in PARTS
    }
    return Split(info, **parts)
