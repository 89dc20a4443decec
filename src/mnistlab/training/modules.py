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
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
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
TRACED = (7, 11)  # pictures that a network is traced with, in turn
CHECKED = 20  # pictures that the ONNX file is compared with PyTorch on
MAX_DIFFERENCE = 1e-4  # between their logits

Constants = dict[str, npt.NDArray[Any]]


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
        return "has no parameters that learn"
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
        net = net.cpu().eval()
        model = _picture_by_picture(*(_traced(net, pixels, count) for count in TRACED))
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


def _traced(net: nn.Module, pixels: Bytes, count: int) -> onnx.ModelProto:
    """The ONNX model that PyTorch makes of a network, for `count` pictures at a time.

    By the exporter that needs no further package; that it will go one day is not the user's matter.
    """
    file, pictures = io.BytesIO(), torch.zeros(count, *pixels.shape[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Answers(net).eval(), (pictures,), file,  # type: ignore[arg-type]
            input_names=["pixels"],
            output_names=["logits", "probabilities"], opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    return onnx.load_from_string(file.getvalue())


def _picture_by_picture(model: onnx.ModelProto, other: onnx.ModelProto) -> onnx.ModelProto:
    """A model for any number of pictures, of two that are traced with different numbers.

    What is the same in both, whatever the pictures show, becomes a constant; what is not the same
    in a shape is how many pictures there are.
    """
    graph, values, others = model.graph, _values(model), _values(other)
    both = values.keys() & others.keys()
    constants = {it: values[it] for it in both if np.array_equal(values[it], others[it])}
    for node in graph.node:
        shape = node.input[1] if node.op_type in ("Reshape", "Expand") else ""
        if shape in both - constants.keys():
            node.input[1] = f"{node.output[0]} shape"
            constants[node.input[1]] = _freed(node.op_type, values[shape], others[shape])
    _replace(graph, constants)
    if any(it in values and it not in constants for node in graph.node for it in node.input):
        raise ValueError("what it makes depends on how many pictures it is given")
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    return model


def _values(model: onnx.ModelProto) -> Constants:
    """What a traced model makes of constants and of shapes alone, and its constants, by name."""
    values = {array.name: numpy_helper.to_array(array) for array in model.graph.initializer}
    known, probe = {*values, ""}, onnx.ModelProto()
    for node in model.graph.node:
        if node.op_type == "Shape" or known.issuperset(node.input):
            known.update(node.output)
    made = sorted(known - {*values, ""})
    probe.CopyFrom(model)
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    options = SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    content, here = probe.SerializeToString(), ["CPUExecutionProvider"]
    session = InferenceSession(content, options, providers=here)
    (given,) = session.get_inputs()
    found = session.run(made, {given.name: np.zeros(given.shape, np.float32)})
    return values | dict(zip(made, found, strict=True))


def _freed(operator: str, shape: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The shape for any number of pictures: 1 expands to it, -1 is the rest, 0 as before."""
    free = 1 if operator == "Expand" else 0 if -1 in shape else -1
    return np.where(shape == other, shape, free)


def _replace(graph: onnx.GraphProto, constants: Constants) -> None:
    """Put these constants in the place of what computes them, and drop what nothing uses then."""
    used, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if used.intersection(node.output) - constants.keys():
            kept.append(node)
            used.update(node.input)
    arrays = [numpy_helper.from_array(constants[name], name) for name in used & constants.keys()]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(sorted(arrays, key=lambda array: array.name))
