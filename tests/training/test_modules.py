"""Networks of one's own: trained like others, written as ONNX, and what they do wrong in a line."""

import random
import threading

import numpy as np
import pytest

from mnistlab.book.module import Module
from mnistlab.book.trial import Conv, Network, Training, Trial
from mnistlab.data.split import Split, split
from mnistlab.errors import EngineError
from mnistlab.images import DataSet, Images, Task
from mnistlab.model.check import check_model
from mnistlab.model.network import initial_weights
from mnistlab.model.predictor import Predictor
from mnistlab.randomness import Purpose, generator
from mnistlab.training.batches import Batches
from mnistlab.training.fit import run
from mnistlab.training.record import Job, Run

pytest.importorskip("torch")
import torch
from torch import nn

from mnistlab.training import modules
from mnistlab.training.torch import ConvNet, ModuleNet, TorchEngine

SOURCE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 5, stride=3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(4 * 8 * 8, 10)

    def forward(self, pictures):
        seen = torch.relu(self.norm(self.conv(pictures)))
        return self.last(self.drop(seen.view(seen.size(0), -1)))
"""


@pytest.fixture
def parts(tiny: DataSet) -> Split:
    return split(tiny, 60)


def own(source: str) -> Module:
    return Module(file="nets.py", name="Net", source=source)


def job(source: str = SOURCE, seed: int = 0, epochs: int = 2, rate: float = 0.01) -> Job:
    training = Training(batch_size=32, learning_rate=rate, epochs=epochs)
    trial = Trial(name="t", network=Network(conv=(), module=own(source)), training=training)
    return Job(trial, seed, "torch")


def same(first: Run, second: Run) -> bool:
    return all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)


def test_a_module_learns_and_its_record_says_what(parts: Split) -> None:
    done = run(job(epochs=5), parts)
    assert done.record.status == "done"
    assert done.record.scores["test"].accuracy > 0.9
    assert done.record.parameters == 4 * 26 + 2 * 4 + 10 * 257
    assert done.record.no_model is None
    assert set(done.weights) == {
        *(f"{layer}.{part}" for layer in ("conv", "norm", "last") for part in ("weight", "bias")),
        "norm.running_mean", "norm.running_var",
    }  # fmt: skip


def test_the_same_seed_gives_bit_equal_weights_whatever_was_drawn_before(parts: Split) -> None:
    first = run(job(), parts)
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    again, other = run(job(), parts), run(job(seed=1), parts)
    drawn = torch.rand(1).item(), random.random(), np.random.random()  # noqa: NPY002
    assert same(first, again)
    assert not same(first, other)
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    assert drawn == (torch.rand(1).item(), random.random(), np.random.random())  # noqa: NPY002


def test_dropout_and_other_libraries_random_numbers_follow_from_the_seed(parts: Split) -> None:
    draws = SOURCE.replace("seen = ", "seen = (random.random() + np.random.random()) * ")
    draws = f"import random\nimport numpy as np\n{draws}"
    assert same(run(job(draws), parts), run(job(draws), parts))


def test_a_module_is_trained_as_a_network_of_layers_is(parts: Split) -> None:
    """The very layers of a trial, given as a module, end with the very weights."""
    network = Network(conv=(Conv(out=4, kernel=5, stride=3),))
    training = Training(
        batch_size=32, learning_rate=0.01, epochs=2, weight_decay=0.01, label_smoothing=0.1
    )
    initial = initial_weights(network, generator(0, Purpose.weights))
    layers = nn.Sequential(
        *(each for name, each in ConvNet(network).layers.named_children() if name != "linear"),
        nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip
    for values, value in zip(layers.state_dict().values(), initial.values(), strict=True):
        values.copy_(torch.from_numpy(value))
    batches = Batches(network, training, parts.train, 0)
    net = ModuleNet(layers, own(""), Task())
    engines = TorchEngine(batches, initial), TorchEngine(batches, {}, own=net)
    for engine in engines:
        engine.train_epoch(np.arange(300), 0.01)
    found = [list(engine.weights().values()) for engine in engines]
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_module_that_diverges_says_so(parts: Split) -> None:
    lost = run(job(rate=1e30), parts)
    assert (lost.record.status, lost.weights, lost.model) == ("diverged", {}, None)
    assert lost.record.parameters == 2682


def test_its_onnx_file_gives_what_the_run_was_scored_with(parts: Split) -> None:
    done = run(job(), parts)
    assert done.model
    model = Predictor(done.model, "own")
    for pixels in (parts.test.pixels, parts.test.pixels[:1]):
        _, probabilities = model.predict(pixels)
        expected = done.test_probabilities[: len(pixels)]
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert model.unsure_below == done.record.unsure_below
    assert model.classes == parts.info.classes


def test_rgb_pictures_and_other_classes(parts: Split) -> None:
    def coloured(images: Images) -> Images:
        pixels = np.stack([images.pixels, images.pixels // 2, images.pixels * 0], axis=3)
        return Images(pixels, images.labels % 3, ("a", "b", "c"))

    whole = DataSet("rgb", coloured(parts.train), coloured(parts.test))
    source = SOURCE.replace("Conv2d(1,", "Conv2d(3,").replace("8, 10)", "8, 3)")
    rgb = split(whole, 50)
    done = run(job(source), rgb)
    assert done.model
    model = Predictor(done.model, "own")
    assert (model.task, model.classes) == (Task(3, 3), ("a", "b", "c"))
    found = model.predict(rgb.test.pixels)[1]
    np.testing.assert_allclose(found, done.test_probabilities, atol=1e-5)


ATTENTION = """\
import torch
from torch import nn
from torch.nn import functional


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.all = nn.Linear(28, 84)

    def forward(self, rows):
        q, k, v = self.all(rows).chunk(3, dim=-1)
        q, k, v = (each.unflatten(-1, (4, 7)).transpose(1, 2) for each in (q, k, v))
        seen = (q @ k.transpose(-2, -1) / 7**0.5).softmax(-1) @ v
        return seen.transpose(1, 2).reshape(len(rows), 28, 28)


class PyTorchs(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.MultiheadAttention(28, 4, batch_first=True)

    def forward(self, rows):
        return self.heads(rows, rows, rows)[0]


class Scaled(Own):
    def forward(self, rows):
        n = rows.shape[0]
        q, k, v = self.all(rows).reshape(n, 28, 3, 4, 7).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v)
        return seen.transpose(1, 2).reshape(n, 28, 28)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.seen = KIND
        self.last = nn.Linear(784, 10)

    def forward(self, pictures):
        return self.last(self.seen(pictures.squeeze(1)).flatten(1))
"""
HELD = {
    "own attention": ATTENTION.replace("KIND", "Own()"),
    "PyTorch's attention": ATTENTION.replace("KIND", "PyTorchs()"),
    "scaled attention": ATTENTION.replace("KIND", "Scaled()"),
    "transformer": ATTENTION.replace(
        "KIND", "nn.TransformerEncoderLayer(28, 4, 32, batch_first=True)"
    ),
    **{
        layer: SOURCE.replace("BatchNorm2d(4)", layer)
        for layer in (
            "GroupNorm(2, 4)", "LayerNorm([4, 8, 8])", "InstanceNorm2d(4)", "PReLU(4)",
            "Hardswish()", "LogSoftmax(1)",
        )
    },
    **{
        what: SOURCE.replace("self.conv(pictures)", f"self.conv({what})")
        for what in (
            "nn.functional.pad(pictures, (0, 0, 1, -1))",
            "nn.functional.pad(pictures, (2, 2, 2, 2), mode='reflect')[..., 2:-2, 2:-2]",
            "nn.functional.pixel_unshuffle(pictures, 2).repeat(1, 1, 2, 2)[:, :1]",
            "nn.functional.interpolate(pictures, scale_factor=2)[..., ::2, ::2].flip(3)",
            "nn.functional.normalize(pictures.flatten(1)).view(len(pictures), 1, 28, 28)",
            "torch.where(pictures > 0.5, pictures, pictures**2 + (pictures < 0.1).float())",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("source", HELD.values(), ids=HELD)
def test_the_usual_kinds_of_network_have_a_model_that_answers_as_they_do(source: str) -> None:
    torch.manual_seed(0)
    net = modules.load(own(source), Task())
    pixels = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    content, why_not = modules.export(net, tuple("0123456789"), None, pixels)
    assert why_not is None
    assert content
    check_model(content, "own")
    model = Predictor(content, "own")
    for few in (pixels, pixels[:1], pixels[:7]):
        with torch.inference_mode():
            expected = net(torch.tensor(few)).numpy()
        np.testing.assert_allclose(model.predict(few)[0], expected, atol=1e-4)


NO_MODEL = {
    "has Einsum, which is not among the plain operators that are run": (
        SOURCE.replace("seen = ", "pictures = torch.einsum('nchw,wv->nchv', pictures, W)\n"
        "        seen = ").replace("\n\nclass", "\n\nW = torch.eye(28)\n\nclass", 1)
    ),
    "it cannot be written as ONNX: what it makes depends on how many pictures it is given": (
        SOURCE.replace("seen = ", "seen = len(pictures) * ")
    ),
    "written as ONNX it gives other answers than PyTorch": (
        SOURCE.replace("seen = ", "seen = (1 if len(pictures) < 15 else 2) * ")
    ),
    "it cannot be written as ONNX: Exporting the operator 'aten::fft_fft2'": (
        SOURCE.replace("seen = ", "seen = torch.fft.fft2(pictures).abs().mean() * ")
    ),
}  # fmt: skip


@pytest.mark.parametrize(("reason", "source"), NO_MODEL.items())
def test_a_network_that_onnx_cannot_hold_is_kept_without_and_says_why(
    reason: str, source: str, parts: Split
) -> None:
    done = run(job(source, epochs=1), parts)
    assert (done.record.status, done.model) == ("done", None)
    assert done.record.no_model
    assert done.record.no_model.startswith(reason)
    assert done.record.no_model.isprintable()


LINE = len(SOURCE[: SOURCE.index("seen = ")].splitlines())
FAULTS = {
    "nets.py, line 1: ValueError: two lines; correct the file": "raise ValueError('two\\nlines')",
    "nets.py, line 1: ModuleNotFoundError: No module named 'none'; ": "import none",
    "nets.py, line 2: SystemExit: 3; correct the file": "import sys\nsys.exit(3)",
    "nets.py:Net: SyntaxError: '(' was never closed (nets.py, line 1)": "x = (",
    "nets.py: has no Net; correct the name in the book": "x = 1",
    "nets.py:Net: makes a dict, not a torch.nn.Module; correct the file": "Net = dict",
    "nets.py:Net: TypeError: 'int' object is not callable; correct the file": "Net = 3",
    f"nets.py, line {LINE}: ZeroDivisionError": SOURCE.replace("seen = ", "seen = 1 / 0 * "),
    "nets.py:Net: gives torch.float32 (2, 11), not torch.float32 (2, 10); correct the file": (
        SOURCE.replace("8, 10)", "8, 11)")
    ),
    "nets.py:Net: gives torch.float64 (2, 10), not torch.float32 (2, 10)": (
        SOURCE.replace(", -1)))", ", -1))).double()")
    ),
    "nets.py:Net: gives tuple, not torch.float32 (2, 10); correct the file": (
        SOURCE.replace("return ", "return 1, ")
    ),
    "nets.py:Net: has no parameters that learn; correct the file": (
        SOURCE.replace("8, 10)", "8, 10)\n        self.requires_grad_(False)")
    ),
    "nets.py:Net: has no parameters that learn; correct": (
        "from torch import nn\nclass Net(nn.Module):\n"
        "    def forward(self, pictures): return pictures.flatten(1)[:, :10]"
    ),
    "nets.py:Net: has numbers of torch.float64, not torch.float32; correct the file": (
        SOURCE.replace("5, stride=3)", "5, stride=3).double()")
        .replace("self.conv(pictures)", "self.conv(pictures.double()).float()")
    ),
}  # fmt: skip


@pytest.mark.parametrize(("said", "source"), FAULTS.items())
def test_what_is_wrong_with_a_module_is_said_in_one_line_with_its_own(
    said: str, source: str
) -> None:
    with pytest.raises(EngineError) as caught:
        modules.load(own(source), Task())
    assert str(caught.value).startswith(said)
    assert str(caught.value).isprintable()


def test_a_fault_that_shows_only_in_training_names_its_line(parts: Split) -> None:
    faulty = SOURCE.replace("seen = ", "seen = 1 / (not self.training) * ")
    with pytest.raises(EngineError, match=rf"^nets\.py, line {LINE}: ZeroDivisionError: "):
        run(job(faulty), parts)


@pytest.mark.parametrize(
    ("doing", "source"),
    [
        ("importing it", "WAIT\n" + SOURCE),
        ("making its network", SOURCE.replace("super()", "WAIT; super()")),
        ("its first answer", SOURCE.replace("seen = ", "WAIT; seen = ")),
    ],
)
def test_a_module_that_hangs_is_given_up(
    doing: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(threading, "go_on", go_on, raising=False)
    monkeypatch.setattr(modules, "MAX_LOAD_SECONDS", 0.2)
    waiting = source.replace("WAIT", "import threading; threading.go_on.wait()")
    said = rf"^nets\.py:Net: {doing} took more than 0\.2 s; make that quicker$"
    with pytest.raises(EngineError, match=said):
        modules.load(own(waiting), Task())
    go_on.set()
