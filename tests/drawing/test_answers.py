"""mnistlab predict: one answer for each image and each line, whatever is wrong with the others."""

import io
import json
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from onnx import helper
from PIL import Image, ImageDraw

from mnistlab.drawing.answers import (
    Answer,
    ask_file,
    ask_images,
    ask_strokes,
    in_words,
    never_unsure,
    percent,
    require_grey,
)
from mnistlab.errors import StoreError
from mnistlab.model.predictor import Guess, Predictor, shipped_model
from tests.model.other_models import HEAD, onnx_model

SEVEN = '{"strokes": [[[0,0],[60,0],[20,100]]]}'


def predict(*arguments: str | Path, given: str = "") -> tuple[int, list[str], list[str]]:
    command = [sys.executable, "-m", "mnistlab", "predict", *map(str, arguments)]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def seven(
    mode: str = "L", paper: str = "white", ink: str = "black", size: int = 200
) -> Image.Image:
    image = Image.new("RGB", (size, size), paper)
    unit = size / 200
    corners = [(60 * unit, 40 * unit), (140 * unit, 40 * unit), (90 * unit, 160 * unit)]
    ImageDraw.Draw(image).line(corners, fill=ink, width=round(10 * unit))
    return image.convert(mode)


def huge_png(side: int) -> bytes:
    """A PNG that says it is `side` pixels square, and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = (
        chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_bad_line_leaves_the_others_answered() -> None:
    code, out, _ = predict(
        "--strokes", "-", "--json", given=f'{SEVEN}\nnonsense\n{{"strokes": []}}\n{SEVEN}\n'
    )
    answers = [json.loads(line) for line in out]
    assert code == 1
    assert [answer.get("digit", "none") for answer in answers] == [7, "none", None, 7]
    assert [answer.get("label", "none") for answer in answers] == ["7", "none", None, "7"]
    assert answers[0]["unsure"] is False
    assert sum(answers[0]["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert "not JSON" in answers[1]["error"]
    assert answers[2]["unsure"] is True


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("grey.png", seven()),
        ("light.png", seven(paper="black", ink="white")),
        ("cmyk.jpg", seven("CMYK")),
        ("palette.gif", seven("P")),
        ("bits.png", seven("1")),
        ("small.bmp", seven(size=40)),
        ("large.png", seven(size=1500)),
    ],
)
def test_images_of_many_kinds(tmp_path: Path, name: str, image: Image.Image) -> None:
    image.save(tmp_path / name)
    code, out, _ = predict(tmp_path / name)
    assert code == 0
    assert re.fullmatch(rf"{tmp_path / name}: 7 \((> )?[\d.]+ %\)", out[0])


def test_sixteen_bits_transparency_and_animation(tmp_path: Path) -> None:
    grey = np.asarray(seven(), np.uint16)
    Image.fromarray(grey * 257).save(tmp_path / "sixteen.png")
    clear = seven("RGBA")
    clear.putalpha(Image.fromarray(255 - np.asarray(seven())))  # opaque where the ink is
    clear.save(tmp_path / "clear.png")
    white = Image.new("RGBA", clear.size, "white")
    white.putalpha(clear.getchannel("A"))
    white.save(tmp_path / "white.png")
    seven().save(tmp_path / "moving.gif", save_all=True, append_images=[Image.new("L", (200, 200))])
    names = ["sixteen.png", "clear.png", "white.png", "moving.gif"]
    code, out, _ = predict("--json", *(tmp_path / name for name in names))
    assert code == 0
    assert [json.loads(line)["digit"] for line in out] == [7, 7, 7, 7]


def test_hostile_images_are_named_one_by_one(tmp_path: Path) -> None:
    seven().save(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:200])
    (tmp_path / "huge.png").write_bytes(huge_png(20_000))
    (tmp_path / "hollow.png").write_bytes(huge_png(2_000))
    (tmp_path / "empty.png").write_bytes(b"")
    names = [
        "text.png",
        "cut.png",
        "huge.png",
        "hollow.png",
        "empty.png",
        "none.png",
        ".",
        "good.png",
    ]
    code, out, errors = predict(*(tmp_path / name for name in names))
    assert code == 1
    assert len(out) == 1
    assert out[0].endswith("%)")
    reasons = [
        "not an image",
        "cannot be read",
        "40,000,000 pixels",
        "cannot be read",
        "not an",
        "no such",
        "cannot",
    ]
    for name, said, line in zip(names, reasons, errors, strict=False):
        assert str(tmp_path / name) in line
        assert said in line


def test_a_blank_page(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(200, 2, (100, 100)).clip(0, 255).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "paper.png")
    Image.new("L", (1, 1), 255).save(tmp_path / "pixel.png")
    code, out, _ = predict(tmp_path / "paper.png", tmp_path / "pixel.png")
    assert code == 0
    assert [line.rsplit(": ", 1)[1] for line in out] == ["blank", "blank"]


def test_nothing_to_look_at_a_wrong_model_and_no_file(tmp_path: Path) -> None:
    code, _, errors = predict()
    assert (code, len(errors)) == (2, 1)
    (tmp_path / "model.onnx").write_text("no model")
    code, _, errors = predict("--model", tmp_path / "model.onnx", "--strokes", "-", given=SEVEN)
    assert code == 2
    assert "not an ONNX model" in errors[0]
    code, _, errors = predict("--strokes", tmp_path / "none.jsonl")
    assert code == 1
    assert "cannot be read" in errors[0]


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1, "100.0 %"), (0.9999999, "> 99.9 %"), (0.99951, "> 99.9 %"), (0.9988, "99.9 %"),
        (0.4734, "47.3 %"), (0.1, "10.0 %"), (0.001, "0.1 %"), (0.0004, "< 0.1 %"), (0, "0.0 %"),
    ],
)  # fmt: skip
def test_per_cent_never_says_all_or_none_of_what_is_neither(share: float, said: str) -> None:
    assert percent(share) == said
    assert percent(float(np.float32(share))) == said


def test_answers_in_words() -> None:
    tenths = np.full(10, 0.1, np.float32)
    nine = np.where(np.arange(10) == 9, 0.99999, 1e-6)
    assert in_words(None) == "blank"
    assert in_words(Guess(nine, 0.9)) == "9 (> 99.9 %)"
    assert in_words(Guess(tenths, 0.9)) == "unsure: 0 (10.0 %) or 1 (10.0 %)"
    assert in_words(Guess(tenths)) == "0 (10.0 %)"


def test_a_model_without_a_threshold_is_told_to_have_none() -> None:
    plain = Predictor(onnx_model().SerializeToString(), "plain")
    assert "plain has no threshold of unsure" in never_unsure(plain)
    assert never_unsure(shipped_model()) == ""
    (answer,) = ask_strokes(plain, io.BytesIO(SEVEN.encode()), "-")
    assert answer.record()["unsure"] is None
    assert answer.line() == "-:1: 0 (10.0 %)"


def test_a_strokes_file_is_named_in_printable_words() -> None:
    (answer,) = ask_strokes(shipped_model(), io.BytesIO(SEVEN.encode()), "\x1b[2J\nmine")
    assert answer.source == "\\x1b[2J mine:1"


def test_names_that_no_file_can_have_leave_the_others_answered(tmp_path: Path) -> None:
    seven().save(tmp_path / "good.png")
    names = ["nul\0.png", "n" * 300, "\udcff.png", "\x1b[2Jred\n.png", "good.png"]
    *wrong, good = ask_images(shipped_model(), [tmp_path / name for name in names])
    assert good.guess is not None
    wrong += [answer for name in names[:4] for answer in ask_file(shipped_model(), Path(name))]
    assert len(wrong) == 8
    for answer in wrong:
        assert answer.error
        assert answer.line().isprintable()
        assert json.loads(json.dumps(answer.record())) == answer.record()
        assert str(tmp_path) not in answer.error


def test_what_a_model_cannot_answer_is_an_error_of_that_line() -> None:
    class Broken(Predictor):
        def _check_answers(self) -> None: ...

    nowhere = onnx_model(weights={"linear": np.full((784, 10), np.float32("nan"))})
    model = Broken(nowhere.SerializeToString(), "broken")
    given = io.BytesIO(f'{SEVEN}\n{{"strokes": []}}\n'.encode())
    first, second = ask_strokes(model, given, "mine")
    assert first == Answer("mine:1", error=first.error)
    assert "not finite" in str(first.error)
    assert second.line() == "mine:2: blank"


def colours() -> Predictor:
    """Says red, green or blue: of which an image (28, 28, 3) has most."""
    flat = helper.make_node("Flatten", ["pixels"], ["flat"])
    linear = np.tile(np.eye(3, dtype=np.float32) / 1e5, (28 * 28, 1))
    model = onnx_model([flat, *HEAD], {"linear": linear}, classes=3)
    for place, size in enumerate((28, 28, 3), 1):
        shape = model.graph.input[0].type.tensor_type.shape
        dimension = shape.dim[place] if place < len(shape.dim) else shape.dim.add()
        dimension.dim_value = size
    helper.set_model_props(model, {"classes": json.dumps(["red", "green", "deep blue"])})
    return Predictor(model.SerializeToString(), "colours")


def test_a_model_of_rgb_images_is_shown_the_whole_image_in_colour(tmp_path: Path) -> None:
    pictures = {"red.png": (250, 10, 10), "blue.png": (10, 40, 90), "grey.png": (128, 128, 128)}
    for name, colour in pictures.items():
        Image.new("RGB", (50, 80), colour).save(tmp_path / name)
    (tmp_path / "none.png").write_text("no image")
    names = [*pictures, "none.png"]
    red, blue, grey, none = ask_images(colours(), [tmp_path / name for name in names])
    assert [answer.record()["label"] for answer in (red, blue)] == ["red", "deep blue"]
    assert blue.record()["digit"] == 2
    assert blue.line().startswith(f"{tmp_path / 'blue.png'}: deep blue (")
    assert grey.record()["probabilities"] == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert none.error is not None
    assert none.error.startswith("not an image")


def sides(*classes: str) -> Predictor:
    """Says which half of a grey image (28, 28) is lighter, the left or the right."""
    left = np.tile(np.arange(28) < 14, 28)
    linear = np.stack([left, ~left], axis=1).astype(np.float32) / 1e4
    model = onnx_model(weights={"linear": linear}, classes=2)
    helper.set_model_props(model, {"classes": json.dumps(classes)})
    return Predictor(model.SerializeToString(), "sides")


def test_a_grey_model_is_shown_the_whole_image_unless_its_classes_are_signs(tmp_path: Path) -> None:
    right = np.full((60, 60), 20, np.uint8)
    right[:, 45:] = 240
    colour = np.zeros((50, 80, 3), np.uint8)
    colour[:, :40, 0] = colour[:, 40:, 1] = 200  # green looks lighter than red
    paths = [tmp_path / "grey.png", tmp_path / "colour.png"]
    for path, pixels in zip(paths, (right, colour), strict=True):
        Image.fromarray(pixels).save(path)
    for model, whole in ((sides("left", "right"), False), (sides("l", "r"), True)):
        for answer in ask_images(model, paths, whole):
            assert answer.guess is not None
            assert answer.guess.digit == 1
            assert answer.guess.probabilities[1] > 0.8
    for answer in ask_images(sides("l", "r"), paths[:1]):  # ink, in the middle
        assert answer.guess is not None
        assert answer.guess.probabilities[1] == pytest.approx(0.5, abs=0.1)


def test_a_model_of_rgb_images_sees_no_strokes() -> None:
    require_grey(shipped_model())
    with pytest.raises(StoreError, match=r"^colours: a model of RGB images, and strokes are grey"):
        require_grey(colours())
