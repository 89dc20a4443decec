"""Which engine trains, and where: ours on the CPU, or PyTorch for CUDA or where it is asked for."""

import shutil
from importlib.util import find_spec
from typing import NamedTuple

from mnistlab.errors import EngineError, NoEngineError
from mnistlab.training.native import library

ENGINES = ("auto", "native", "torch")
DEVICES = ("auto", "cpu", "cuda")


class EngineChoice(NamedTuple):
    """An engine's name, as runs record it, and its device."""

    name: str
    device: str


def choose_engine(engine: str = "auto", device: str = "auto") -> EngineChoice:
    """`native` or `torch`, on `cpu` or `cuda`.

    `auto` takes CUDA where there is a device and PyTorch, else the native engine, else PyTorch.
    Raises EngineError for what is not installed, not there, or not possible.
    """
    if engine not in ENGINES or device not in DEVICES:
        known = f"engines are {', '.join(ENGINES)}; devices {', '.join(DEVICES)}"
        raise EngineError(f"engine {engine!r} on device {device!r}: no such; {known}")
    if engine == "native" and device == "cuda":
        raise EngineError(
            "--device cuda: the native engine works on the CPU; use --engine torch, or --device cpu"
        )
    perhaps = device == "auto" and engine != "native" and _sees_a_device()
    if (perhaps or device == "cuda") and _has_cuda():
        return EngineChoice("torch", "cuda")
    if device == "cuda":
        raise EngineError("--device cuda: PyTorch finds no CUDA device here; use --device cpu")
    if engine == "torch":
        _need_torch()
        return EngineChoice("torch", "cpu")
    try:
        return EngineChoice(native_name(), "cpu")
    except NoEngineError:
        if engine == "native" or not find_spec("torch"):
            raise
        return EngineChoice("torch", "cpu")


def native_name() -> str:
    """What runs of the native engine record: `native`, whose variants all give the same bits.

    The variant for processors without fused multiply-adds rounds otherwise and is `native-v2`.
    Raises EngineError where the library is missing.
    """
    library.load()
    return "native-v2" if library.variant() == "v2" else "native"


def require_augmentation() -> None:
    """Raise EngineError where pictures cannot be varied: the native library does it for both."""
    try:
        library.load()
    except EngineError as error:
        raise EngineError(
            f"augment: varying pictures needs the native library, whatever trains ({error})"
        ) from None


def _sees_a_device() -> bool:
    """Whether CUDA may be there, told without PyTorch, which takes a second to import."""
    return bool(shutil.which("nvidia-smi")) and find_spec("torch") is not None


def _has_cuda() -> bool:
    _need_torch()
    from mnistlab.training.torch import has_cuda

    return has_cuda()


def require_torch_for(module: str) -> None:
    """Raise EngineError where PyTorch, which trains modules, is missing."""
    if not find_spec("torch"):
        raise EngineError(f"{module}: modules need PyTorch: pip install torch (the extra `torch`)")


def _need_torch() -> None:
    if not find_spec("torch"):
        raise EngineError(
            "the torch engine needs PyTorch: pip install torch, or use --engine native"
        )
