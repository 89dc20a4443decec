"""Which engine is chosen, with and without PyTorch, the library and a CUDA device."""

import shutil

import pytest

from mnistlab.errors import EngineError, NoEngineError
from mnistlab.training import engines
from mnistlab.training.engines import choose_engine, require_augmentation, require_torch_for
from mnistlab.training.native import library


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A processor with the usual library; no PyTorch, no CUDA."""
    monkeypatch.setattr(library, "load", lambda: None)
    monkeypatch.setattr(library, "variant", lambda: "v3")
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    return monkeypatch


def with_torch(monkeypatch: pytest.MonkeyPatch, cuda: bool = False) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _: "torch")
    monkeypatch.setattr(engines, "_has_cuda", lambda: cuda)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi" if cuda else None)


def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise NoEngineError("the native engine is not installed")

    monkeypatch.setattr(library, "load", refuse)


def test_the_native_engine_is_the_usual_one(installed: pytest.MonkeyPatch) -> None:
    assert choose_engine() == choose_engine("native", "cpu") == ("native", "cpu")
    with_torch(installed)
    assert choose_engine() == ("native", "cpu")
    assert choose_engine("torch") == ("torch", "cpu")


def test_the_variant_that_rounds_otherwise_has_a_name_of_its_own(
    installed: pytest.MonkeyPatch,
) -> None:
    installed.setattr(library, "variant", lambda: "v2")
    assert choose_engine() == ("native-v2", "cpu")


def test_cuda_is_taken_where_there_is_a_device_and_pytorch(installed: pytest.MonkeyPatch) -> None:
    installed.setattr(shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    assert choose_engine() == ("native", "cpu")  # nothing to use it with
    with_torch(installed, cuda=True)
    assert choose_engine() == choose_engine("torch", "cuda") == ("torch", "cuda")
    assert choose_engine("native") == choose_engine(device="cpu") == ("native", "cpu")


def test_what_cannot_be_is_refused_with_the_remedy(installed: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="pip install torch"):
        choose_engine("torch")
    with pytest.raises(EngineError, match="works on the CPU; use --engine torch"):
        choose_engine("native", "cuda")
    with_torch(installed)
    with pytest.raises(EngineError, match="finds no CUDA device here; use --device cpu"):
        choose_engine(device="cuda")
    for wrong in (("nativ", "cpu"), ("native", "gpu")):
        with pytest.raises(EngineError, match="no such; engines are auto, native, torch"):
            choose_engine(*wrong)


def test_without_the_library_pytorch_serves_if_it_is_installed(
    installed: pytest.MonkeyPatch,
) -> None:
    without_library(installed)
    with pytest.raises(EngineError, match="not installed"):
        choose_engine()
    with_torch(installed)
    assert choose_engine() == ("torch", "cpu")
    with pytest.raises(EngineError, match="not installed"):
        choose_engine("native")


def test_a_stale_library_is_refused_and_not_replaced_in_silence(
    installed: pytest.MonkeyPatch,
) -> None:
    def stale() -> None:
        raise EngineError("the native engine was built from another engine.c")

    installed.setattr(library, "load", stale)
    with_torch(installed)
    with pytest.raises(EngineError, match="another"):
        choose_engine()


def test_modules_need_pytorch_and_say_how_to_get_it(installed: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        EngineError, match=r"^nets\.py:Net: modules need PyTorch: pip install torch"
    ):
        require_torch_for("nets.py:Net")
    with_torch(installed)
    require_torch_for("nets.py:Net")


def test_pictures_cannot_be_varied_without_the_library(installed: pytest.MonkeyPatch) -> None:
    require_augmentation()
    without_library(installed)
    with pytest.raises(EngineError, match="augment: varying pictures needs the native library"):
        require_augmentation()
