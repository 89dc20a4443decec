"""Networks of one's own: the code of a book's module run, and its network written as ONNX.

Needs the extra `torch`. Only what trains loads this, for a trial that has a module; whatever the
module does wrong is its run's failure, in one line.
"""

import io
import linecache
import random
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from mnistlab.book.module import Module
from mnistlab.errors import EngineError, LabError, one_line
from mnistlab.images import Bytes, Task
from mnistlab.model.artifact import OPSET, metadata
from mnistlab.model.check import check_model
from mnistlab.model.predictor import Predictor
from mnistlab.randomness import Purpose, generator
from mnistlab.training.batches import Batches
from mnistlab.training.record import Run
from mnistlab.training.torch import ModuleNet, TorchEngine, one_thread

MAX_LOAD_SECONDS = 60.0
MAX_REASON = 300  # characters
NAME = "own_module"  # what its code is imported as
TRACED = 7  # pictures that a network is traced with; no layer of it is likely to have that size
CHECKED = 20  # pictures that the ONNX file is compared with PyTorch on
MAX_DIFFERENCE = 1e-4  # between their logits


@contextmanager
def running(module: Module, seed: int, device: str) -> Iterator[None]:
    """One thread, and random numbers that follow from the seed; the caller's are put back after.

    What one of its lines raises becomes an EngineError that names the line.
    """
    number = generator(seed, Purpose.module).bit_generator.random_raw() >> 32
    pythons, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with one_thread(), torch.random.fork_rng(devices):
        torch.default_generator.manual_seed(number)
        if devices:
            torch.cuda.manual_seed(number)
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002
        try:
            yield
        except (Exception, SystemExit) as error:
            if isinstance(error, LabError) or not _lines(module, error):
                raise
            raise _fault(module, error) from error
        finally:
            random.setstate(pythons)
            np.random.set_state(numpys)  # noqa: NPY002


def start(module: Module, batches: Batches, device: str) -> TorchEngine:
    """The engine that trains a module's network. Raises EngineError."""
    return TorchEngine(batches, {}, device, own=load(module, batches.task))


def completed(run: Run, engine: object, pixels: Bytes) -> Run:
    """A run with what its network alone tells: how many numbers it learned, and its ONNX file.

    The file must give PyTorch's answers for the first of `pixels`.
    """
    assert isinstance(engine, TorchEngine)
    assert isinstance(engine.model, ModuleNet)
    known: dict[str, object] = {"parameters": count_parameters(engine.model)}
    model = None
    if run.record.status == "done":
        record, few = run.record, pixels[:CHECKED]
        model, known["no_model"] = export(
            engine.model, record.data.classes, record.unsure_below, few
        )
    return replace(run, record=run.record.model_copy(update=known), model=model)


def load(module: Module, task: Task) -> ModuleNet:
    """The network that a module makes, tried on two blank pictures. Raises EngineError."""
    made: list[ModuleNet | BaseException] = []
    doing: list[str] = []

    def make() -> None:
        try:
            made.append(_make(module, task, doing))
        except BaseException as error:  # SystemExit too: it would end this thread in silence
            made.append(error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    thread.join(MAX_LOAD_SECONDS)
    if not made:
        took = f"{doing[-1]} took more than {MAX_LOAD_SECONDS:g} s"
        raise EngineError(f"{module}: {took}; make that quicker")
    (net,) = made
    if isinstance(net, LabError):
        raise net
    if isinstance(net, BaseException):
        raise _fault(module, net) from net
    return net


def _make(module: Module, task: Task, doing: list[str]) -> ModuleNet:
    """What `load` gives; `doing` is told what it is at."""
    doing.append("importing it")
    own = ModuleType(NAME)
    own.__file__ = module.file
    sys.modules[NAME] = own  # where dataclasses, among others, look for it
    lines = module.source.splitlines(keepends=True)
    linecache.cache[module.file] = (len(module.source), None, lines, module.file)  # for tracebacks
    exec(compile(module.source, module.file, "exec", dont_inherit=True), own.__dict__)
    if not hasattr(own, module.name):
        raise EngineError(f"{module.file}: has no {module.name}; correct the name in the book")
    doing.append("making its network")
    network = getattr(own, module.name)()
    if not isinstance(network, nn.Module):
        made = f"makes a {type(network).__name__}, not a torch.nn.Module"
        raise EngineError(f"{module}: {made}; correct the file")
    doing.append("its first answer")
    net = ModuleNet(network, module, task).eval()
    with torch.no_grad():
        net(torch.zeros(2, *task.picture()))
    if fault := _fault_of_numbers(net):
        raise EngineError(f"{module}: {fault}; correct the file")
    return net


def _fault_of_numbers(net: nn.Module) -> str | None:
    """Why a network cannot be trained and stored, if it cannot."""
    if not count_parameters(net):
        return "has no parameters, so nothing to learn"
    floats = [*net.parameters(), *(each for each in net.buffers() if each.is_floating_point())]
    others = {str(each.dtype) for each in floats} - {"torch.float32"}
    return f"has numbers of {', '.join(sorted(others))}, not torch.float32" if others else None


def count_parameters(net: nn.Module) -> int:
    """How many numbers of a network are learned."""
    return sum(each.numel() for each in net.parameters() if each.requires_grad)


def _lines(module: Module, error: BaseException) -> list[int]:
    """The lines of the module that led to an error, the one that raised it last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno or 0 for frame in frames if frame.filename == module.file]


def _fault(module: Module, error: BaseException) -> EngineError:
    lines = _lines(module, error)
    place = f"{module.file}, line {lines[-1]}" if lines else str(module)
    what = one_line(f"{type(error).__name__}: {error}")[:MAX_REASON]
    return EngineError(f"{place}: {what}; correct the file")


class _Answers(nn.Module):
    """A network as its file has it: pixels → logits and probabilities."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.net(pixels)
        return logits, logits.softmax(1)


def export(
    net: ModuleNet, classes: tuple[str, ...], unsure_below: float | None, pixels: Bytes
) -> tuple[bytes | None, str | None]:
    """The trained network as an ONNX file like `artifact.to_onnx`'s; or None and why there is none.

    It must be one that other commands would open, and give PyTorch's answers for `pixels`.
    """
    try:
        model = _picture_by_picture(_traced(net.cpu().eval(), pixels))
        helper.set_model_props(model, metadata(classes, unsure_below))
        content = bytes(model.SerializeToString())
        check_model(content, net.name)
        logits, _ = Predictor(content, net.name).predict(pixels)
    except LabError as error:  # "NAME: what is wrong; what to do", and there is nothing to do
        return None, str(error).removeprefix(f"{net.name}: ").rpartition(";")[0]
    except Exception as error:  # whatever an exporter raises, the run itself is done
        return None, one_line(f"it cannot be written as ONNX: {error}")[:MAX_REASON]
    with torch.inference_mode():
        expected = net(torch.tensor(pixels)).numpy()
    if not np.allclose(logits, expected, rtol=MAX_DIFFERENCE, atol=MAX_DIFFERENCE):
        return None, "written as ONNX it gives other answers than PyTorch"
    return content, None


def _traced(net: nn.Module, pixels: Bytes) -> bytes:
    """The ONNX file that PyTorch makes of a network, for `TRACED` pictures at a time.

    By the exporter that needs no further package; that it will go one day is not the user's matter.
    """
    file, pictures = io.BytesIO(), torch.zeros(TRACED, *pixels.shape[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Answers(net).eval(), (pictures,), file,  # type: ignore[arg-type]
            input_names=["pixels"],
            output_names=["logits", "probabilities"], opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    return file.getvalue()


def _picture_by_picture(content: bytes) -> onnx.ModelProto:
    """A traced model for any number of pictures, its constants stored as weights are."""
    model = onnx.load_from_string(content)
    graph = model.graph
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        constant = node.attribute[0].t
        constant.name = node.output[0]
        graph.initializer.append(constant)
        graph.node.remove(node)
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for array in (array for array in graph.initializer if array.name in shapes):
        sizes = numpy_helper.to_array(array).copy()
        if len(sizes) and sizes[0] == TRACED:
            sizes[0] = 0  # as many as there are
            array.CopyFrom(numpy_helper.from_array(sizes, array.name))
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    return model
