"""Generators: one stream a purpose and seed, the same on the lowest and the newest NumPy."""

import hashlib
from itertools import product

import numpy as np

from mnistlab.randomness import Purpose, generator


def test_no_two_purposes_or_seeds_share_a_stream() -> None:
    first = {
        generator(seed, purpose).bit_generator.random_raw()
        for seed, purpose in product(range(50), Purpose)
    }
    assert len(first) == 50 * len(Purpose)


def test_the_callers_own_random_state_is_neither_used_nor_changed() -> None:
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    drawn = generator(0, Purpose.order).permutation(10).tolist()
    assert np.random.random(3).tolist() == expected.tolist()  # noqa: NPY002
    assert drawn == generator(0, Purpose.order).permutation(10).tolist()


def test_golden_orders() -> None:
    """NumPy promises no stable streams beyond raw bits: this tells when one changes."""
    order = generator(3, Purpose.order).permutation(50_000).astype(np.int64)
    assert hashlib.sha256(order.tobytes()).hexdigest()[:16] == "8e295555d4342b21"
    assert generator(3, Purpose.dropout).bit_generator.random_raw(2).tolist() == [
        1896318188131881927,
        5901973411802870830,
    ]
