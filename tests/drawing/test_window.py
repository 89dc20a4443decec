"""The window, opened for real and driven by a real pointer and keyboard."""

import os
import string
import subprocess
import sys
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from mnistlab.book.trial import Network
from mnistlab.data.strokes import read_strokes
from mnistlab.drawing.bars import MIN_BAR, cells, cut, shortened
from mnistlab.drawing.board import DARK
from mnistlab.drawing.foot import keys_of
from mnistlab.drawing.panel import NEXT
from mnistlab.drawing.sketch import look
from mnistlab.drawing.window import Window
from mnistlab.errors import StoreError
from mnistlab.images import DIGITS, Task
from mnistlab.model.artifact import to_onnx
from mnistlab.model.network import initial_weights
from mnistlab.model.predictor import Guess, Predictor, shipped_model
from mnistlab.randomness import Purpose, generator
from tests.model.other_models import onnx_model

SEVEN = [(150, 100), (330, 100), (220, 380)]
SCRIBBLE = [
    (100, 100),
    (350, 380),
    (90, 350),
    (380, 90),
    (240, 60),
    (120, 400),
    (400, 240),
    (80, 220),
    (300, 420),
]


LETTERS = tuple(string.ascii_lowercase)
BALANCED = tuple(string.digits + string.ascii_uppercase + "abdefghnqrt")  # 47, as EMNIST's
TISSUES = ("mucus", "smooth muscle", "cancer-associated stroma, or what looks like it")


def plain_model(
    classes: tuple[str, ...] = DIGITS, name: str = "plain", channels: int = 1
) -> Predictor:
    """One convolution, no pooling, not trained: its evidence is exact."""
    network = Network.model_validate({"conv": [{"out": 4, "kernel": 5, "stride": 2}]})
    task = Task(channels, len(classes))
    weights = initial_weights(network, generator(0, Purpose.weights), task)
    return Predictor(to_onnx(network, weights, classes=classes, channels=channels), name)


class Hand:
    """What a person does with mouse and keyboard."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.errors: list[object] = []
        window.root.report_callback_exception = lambda *error: self.errors.append(error)
        window.root.geometry("+0+0")
        window.root.focus_force()
        self.until(lambda: window.board.winfo_width() > 100 and bool(window.panel.words["text"]))

    def until(self, what: Callable[[], bool], seconds: float = 20) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "it never happened"
            self.window.root.update()
            assert not self.errors
            time.sleep(0.005)

    def do(self, *arguments: object) -> None:
        """Run xdotool, the window working meanwhile."""
        with subprocess.Popen(["xdotool", *map(str, arguments)]) as tool:
            self.until(lambda: tool.poll() is not None)
        assert tool.returncode == 0
        for _ in range(10):
            self.window.root.update()
            time.sleep(0.01)

    def stroke(self, points: list[tuple[int, int]]) -> None:
        """Draw through points in pixels of the board, ten steps between two."""
        board = self.window.board
        corners = np.array(points, float) + np.array([board.winfo_rootx(), board.winfo_rooty()])
        at = np.linspace(0, len(corners) - 1, 10 * (len(corners) - 1) + 1)
        path = [
            np.interp(at, range(len(corners)), corners[:, axis]).round().astype(int)
            for axis in (0, 1)
        ]
        moves = [
            word
            for x, y in zip(*path, strict=True)
            for word in ("mousemove", x, y, "sleep", "0.02")
        ]
        self.do(*moves[:5], "mousedown", 1, *moves[5:], "mouseup", 1)

    def press(self, key: str) -> None:
        self.do("key", key)

    def click(self, widget: object, x: int, y: int) -> None:
        self.do("mousemove", widget.winfo_rootx() + x, widget.winfo_rooty() + y, "click", 1)  # type: ignore[attr-defined]


@pytest.fixture
def corrections(tmp_path: Path) -> Path:
    return tmp_path / "data" / "corrections.jsonl"


@pytest.fixture
def hand(display: None, corrections: Path) -> Iterator[Hand]:
    window = Window([shipped_model(), plain_model()], corrections)
    yield Hand(window)
    window.close()


@pytest.fixture
def opened(display: None, corrections: Path) -> Iterator[Callable[..., Hand]]:
    """Opens a window on models of these classes, a model each."""
    windows: list[Window] = []

    def open_window(*sets: tuple[str, ...]) -> Hand:
        models = [plain_model(classes, f"model {place}") for place, classes in enumerate(sets)]
        windows.append(Window(models, corrections))
        return Hand(windows[-1])

    yield open_window
    for window in windows:
        window.close()


def said(hand: Hand) -> str:
    return str(hand.window.panel.verdict["text"]).strip()


def test_draw_undo_and_clear(hand: Hand) -> None:
    assert said(hand) == ""
    assert hand.window.panel.words["text"] == "Nothing drawn yet"
    hand.stroke(SEVEN)
    assert said(hand) == "7"
    assert len(hand.window.sketch.strokes) == 1
    hand.stroke([(190, 240), (320, 240)])
    assert said(hand) == "7"
    assert len(hand.window.sketch.strokes) == 2
    hand.press("ctrl+z")
    assert len(hand.window.sketch.strokes) == 1
    hand.press("Escape")
    assert (said(hand), hand.window.sketch.strokes) == ("", [])
    hand.press("ctrl+z")
    assert said(hand) == "7"


def test_a_blank_board_has_no_bars_and_no_evidence(hand: Hand) -> None:
    bars = hand.window.panel.bars
    assert (
        len(bars.find_all()) == 10 + 2 * (10 + 2) + 1
    )  # digits; paper, name and answer of each; the one underlined
    assert hand.window.panel.reason["text"] == ""


def test_a_scribble_makes_it_unsure(hand: Hand) -> None:
    hand.stroke(SCRIBBLE)
    assert said(hand).endswith("?")
    assert hand.window.panel.words["text"].startswith("Unsure: ")


def test_the_prediction_moves_with_the_pen(hand: Hand) -> None:
    board = hand.window.board
    left, top = board.winfo_rootx(), board.winfo_rooty()
    hand.do("mousemove", left + 240, top + 60, "mousedown", 1)
    for step in range(1, 12):
        hand.do("mousemove", left + 240, top + 60 + 30 * step)
    hand.until(lambda: said(hand) != "", 5)
    assert said(hand)[0] == "1"
    hand.do("mouseup", 1)


def test_switch_between_models_by_key_and_by_click(hand: Hand) -> None:
    hand.stroke(SEVEN)
    assert "Approximate" in hand.window.panel.reason["text"]
    hand.press("Right")
    assert hand.window.selected == 1
    assert "Exact" in hand.window.panel.reason["text"]
    hand.press("Right")
    assert hand.window.selected == 0
    hand.click(hand.window.panel.bars, hand.window.panel.bars.winfo_width() - 20, 60)
    assert hand.window.selected == 1


def test_why_any_two_digits(hand: Hand) -> None:
    hand.stroke(SEVEN)
    hand.window.panel.digit.set("9")
    hand.window.panel.other.set("4")
    hand.window.refresh()
    assert "Orange speaks for 9, blue for 4" in hand.window.panel.reason["text"]
    hand.window.panel.other.set(NEXT)
    hand.window.refresh()
    assert "blue for 7" in hand.window.panel.reason["text"]
    hand.press("e")
    assert hand.window.panel.reason["text"] == ""


def test_correct_keep_and_delete(hand: Hand, corrections: Path) -> None:
    hand.press("4")
    assert not corrections.exists()
    hand.stroke(SEVEN)
    hand.press("1")
    hand.press("2")  # the same drawing is not kept twice
    (kept,) = read_strokes(corrections)
    assert kept.label == "1"
    assert len(kept.strokes[0]) >= 3  # a busy machine sees fewer points
    assert (
        str(corrections) in hand.window.foot.note["text"]
        or "kept already" in hand.window.foot.note["text"]
    )
    delete = hand.window.foot.delete
    hand.click(delete, 20, 10)
    assert corrections.exists()
    hand.click(delete, 20, 10)
    assert not corrections.exists()


def test_letters_are_corrected_by_their_keys_and_commands_move_away(
    opened: Callable[..., Hand], corrections: Path
) -> None:
    hand = opened(LETTERS)
    window, light = hand.window, hand.window.board["background"]
    assert window.panel.dark["text"] == "Dark  Ctrl-D"
    assert "key" in window.foot.note["text"] or "threshold" in window.foot.note["text"]
    hand.stroke(SEVEN)
    hand.press("d")
    window.undo()
    hand.stroke(SEVEN)
    hand.press("shift+e")  # no class is called E
    assert window.board["background"] == light
    hand.press("ctrl+d")
    assert window.board["background"] != light
    hand.press("ctrl+e")
    assert window.panel.reason["text"] == ""
    assert [drawing.label for drawing in read_strokes(corrections)] == ["d", "e"]
    assert not window.foot.right_one.winfo_ismapped()


def test_a_key_is_the_letter_in_the_case_that_a_class_has() -> None:
    assert keys_of(("a", "B", "b", "7", "two")) == {"a": 0, "A": 0, "B": 1, "b": 2, "7": 3}
    keys = keys_of(BALANCED)
    assert [BALANCED[keys[key]] for key in "dDcC9"] == ["d", "D", "C", "C", "9"]


def test_names_are_picked_from_a_list(opened: Callable[..., Hand], corrections: Path) -> None:
    hand = opened(TISSUES)
    foot = hand.window.foot
    assert hand.window.panel.dark["text"] == "Dark  D"
    hand.stroke(SEVEN)
    hand.until(foot.right_one.winfo_ismapped)
    assert "below" in foot.note["text"]
    assert foot.right_one["values"] == TISSUES
    hand.click(foot.right_one, foot.right_one.winfo_width() - 8, 8)
    hand.press("Down")  # a list that drops down begins at its first line
    hand.press("Return")
    (kept,) = read_strokes(corrections)
    assert kept.label == TISSUES[1]
    assert foot.note["text"].startswith("Kept as smooth muscle")
    hand.press("d")  # and keys work again
    assert hand.window.theme is DARK


def test_models_of_different_classes_show_their_own(opened: Callable[..., Hand]) -> None:
    hand = opened(DIGITS, LETTERS, TISSUES)
    panel, bars = hand.window.panel, hand.window.panel.bars
    hand.stroke(SEVEN)
    for classes in (DIGITS, LETTERS, TISSUES):
        assert len(bars.cells) == len(classes)
        assert panel.digit["values"] == ("top", *classes)
        assert {"model 0", "model 1", "model 2", *classes[:2]} <= said_in(bars)
        panel.digit.set(classes[0])
        panel.other.set(classes[1])
        hand.window.refresh()
        assert f"for {classes[0]}, blue for {classes[1]}" in panel.reason["text"]
        hand.press("Right")
    assert panel.digit.get() == "top"  # digits again
    hand.click(bars, bars.winfo_width() - 20, bars.header + 40)
    assert hand.window.selected == 0
    hand.click(bars, bars.winfo_width() - 20, 5)
    assert hand.window.selected == 2


def test_a_class_called_as_a_choice_is_called(opened: Callable[..., Hand]) -> None:
    hand = opened(("top", "next", "trousers"))
    hand.stroke(SEVEN)
    hand.window.panel.digit.current(2)
    hand.window.panel.other.current(1)
    hand.window.refresh()
    assert "Orange speaks for next, blue for top" in hand.window.panel.reason["text"]


def test_a_model_of_rgb_images_opens_no_window(corrections: Path) -> None:
    with pytest.raises(StoreError, match=r"^red: a model of RGB images, and strokes are grey; "):
        Window([plain_model(), plain_model(name="red", channels=3)], corrections)


def test_a_folder_that_cannot_be_written(display: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    window = Window([shipped_model()], tmp_path / "file" / "corrections.jsonl")
    hand = Hand(window)
    hand.stroke(SEVEN)
    hand.press("1")
    assert "cannot be written" in window.foot.note["text"]
    window.close()


def test_resize_keeps_the_drawing_in_its_place(hand: Hand) -> None:
    hand.stroke(SEVEN)
    before = hand.window.image.width()
    hand.window.root.geometry("1300x900")
    hand.until(lambda: hand.window.image.width() > before + 100)
    assert said(hand) == "7"
    hand.window.root.geometry("770x570")
    hand.until(lambda: hand.window.image.width() < before, 30)
    assert said(hand) == "7"


def inside(window: Window, widget: tk.Misc) -> bool:
    """Whether all of a widget is on the window."""
    root, x, y = window.root, widget.winfo_rootx(), widget.winfo_rooty()
    right, bottom = (
        root.winfo_rootx() + root.winfo_width(),
        root.winfo_rooty() + root.winfo_height(),
    )
    return x + widget.winfo_reqwidth() <= right and y + widget.winfo_reqheight() <= bottom


def texts_of(bars: tk.Canvas) -> list[int]:
    return [item for item in bars.find_all() if str(bars.type(item)) == "text"]


def said_in(bars: tk.Canvas) -> set[str]:
    return {bars.itemcget(item, "text") for item in texts_of(bars)}  # type: ignore[no-untyped-call]


def digits_of(bars: tk.Canvas) -> list[int]:
    """The canvas items that name the ten rows."""
    return sorted(texts_of(bars), key=bars.coords)[:10]


def test_everything_is_visible_in_a_small_window(hand: Hand) -> None:
    window, panel = hand.window, hand.window.panel
    hand.stroke(SEVEN)
    window.root.geometry("600x400")
    hand.until(lambda: window.root.winfo_height() == 400 and window.image.width() < 300)
    hand.until(lambda: "Orange" in panel.reason["text"])
    for widget in (panel.picture, panel.words, panel.reason, window.foot.note):
        assert inside(window, widget), widget
    tops_and_ends = [panel.bars.bbox(item)[1::2] for item in digits_of(panel.bars)]
    assert all(end <= top + 2 for (_, end), (top, _) in pairwise(tops_and_ends))


@pytest.mark.parametrize("classes", [TISSUES, LETTERS, BALANCED], ids=len)
def test_any_classes_are_visible_in_a_small_window(
    opened: Callable[..., Hand], classes: tuple[str, ...]
) -> None:
    window = (hand := opened(classes)).window
    panel, bars = window.panel, window.panel.bars
    hand.stroke(SEVEN)
    window.root.geometry("600x400")
    hand.until(lambda: window.root.winfo_height() == 400 and window.image.width() < 300)
    hand.until(lambda: "Orange" in panel.reason["text"])
    window.correct(0)
    _work(window, 0.2)
    for widget in (panel.verdict, panel.picture, panel.words, panel.dark, window.foot.delete):
        assert inside(window, widget), widget
    assert panel.verdict.winfo_rootx() + panel.verdict.winfo_reqwidth() <= panel.seen.winfo_rootx()
    boxes = [bars.bbox(item) for item in texts_of(bars)]
    assert said_in(bars) >= set(classes) - {TISSUES[2]}
    assert all(-1 <= left < right <= bars.winfo_width() + 1 for left, _, right, _ in boxes)
    for box, other in combinations(boxes, 2):
        apart = box[2] <= other[0] or other[2] <= box[0]
        assert apart or box[3] <= other[1] + 2 or other[3] <= box[1] + 2


@pytest.mark.parametrize("count", [2, 10, 12, 13, 26, 47, 100])
def test_cells_fill_the_room_in_columns_and_share_none_of_it(count: int) -> None:
    for width, height in ((300, 90), (300, 250), (470, 600)):
        found = cells(count, width, height, 14)
        assert len({(cell.left, cell.top) for cell in found}) == count
        assert max(cell.left + cell.width for cell in found) <= width + 1e-6
        assert max(cell.top + cell.height for cell in found) <= height + 1e-6
        assert (len({cell.left for cell in found}) == 1) == (count <= 12 or count * 14 <= height)
        if count > 12 and height > 200:
            assert found[0].height >= 14  # a line of text


def test_long_names_are_cut_with_an_ellipsis() -> None:
    assert cut("smooth muscle", 13, len) == "smooth muscle"
    assert cut("smooth muscle", 12, len) == "smooth musc…"
    assert cut("smooth muscle", 0, len) == "s…"
    assert cut("W", 0, len) == "W"


def test_names_are_not_cut_to_something_wider() -> None:
    def wide(text: str) -> int:
        return sum(3 if letter == "…" else 2 for letter in text)

    assert shortened("12", 3, wide) == "12"
    assert shortened("123", 5, wide) == "1…"


@pytest.mark.parametrize(
    ("names", "size", "all_fit"),
    [
        ([str(number) for number in range(47)], "900x600", True),
        ([str(number) for number in range(100)], "600x400", False),
        ([f"aquarium fish {number}" for number in range(100)], "900x600", False),
    ],
)
def test_where_bars_or_names_have_too_little_room_the_likeliest_are_shown(
    opened: Callable[..., Hand], names: list[str], size: str, all_fit: bool
) -> None:
    window = (hand := opened(tuple(names))).window
    bars = window.panel.bars
    window.root.geometry(size)
    hand.until(lambda: window.root.winfo_height() == int(size[-3:]))
    hand.stroke(SEVEN)
    _work(window, 0.2)
    guess = look(window.sketch, window.models).guesses[0]
    assert guess is not None
    likeliest = [names[place] for place in np.argsort(-guess.probabilities, kind="stable")]
    found = [bars.itemcget(item, "text") for item in texts_of(bars)]  # type: ignore[no-untyped-call]
    shown = [text for text in found if text in names]
    assert shown == (names if all_fit else likeliest[: len(shown)])
    assert len(shown) >= 8
    assert min(bars._span(row, 0)[1] for row in range(len(shown))) >= MIN_BAR


def test_the_bars_keep_to_their_room_when_what_is_below_them_grows(hand: Hand) -> None:
    hand.stroke(SEVEN)  # the reason appears, and takes room from the bars
    hand.until(lambda: "Orange" in hand.window.panel.reason["text"])
    bars = hand.window.panel.bars
    _work(hand.window, 0.2)
    assert max(bars.bbox(item)[3] for item in bars.find_all()) <= bars.winfo_height()


def test_texts_of_any_length_come_to_rest_and_leave_the_board_its_room(hand: Hand) -> None:
    window, labels = hand.window, (hand.window.foot.note, hand.window.panel.reason)
    resized: list[object] = []
    for widget in (window.board, window.panel, *labels):
        widget.bind("<Configure>", resized.append, add="+")
    hand.stroke(SEVEN)
    for size in ("600x400", "900x700"):
        window.root.geometry(size)
        for text in ("short", "a long path/" * 100):
            window.foot.tell(text)
            resized.clear()
            _work(window, 0.2)
            assert len(resized) < 50
            resized.clear()
            _work(window, 0.1)
            assert not resized
            assert all(label.winfo_reqwidth() < 50 for label in labels)
            assert window.board.winfo_width() == window.board.winfo_height() > 150
            assert inside(window, window.foot.note)


def _work(window: Window, seconds: float) -> None:
    """Let the window work for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        window.root.update()
        time.sleep(0.005)


def test_a_line_drawn_to_the_edge_of_a_small_board_is_seen(hand: Hand) -> None:
    window = hand.window
    window.root.geometry("600x400")
    hand.until(lambda: window.root.winfo_height() == 400 and window.image.width() < 300)
    side = window.board.winfo_height()
    hand.stroke([(side // 2, side // 2), (side // 2, side - 10)])
    assert max(y for _, y in window.sketch.strokes[0]) > 900
    assert window.image.get(side // 2, side - 10) == window.theme.ink


def test_delete_is_there_when_there_is_something_to_delete(hand: Hand, corrections: Path) -> None:
    delete = hand.window.foot.delete
    assert not delete.winfo_ismapped()
    hand.stroke(SEVEN)
    hand.press("7")
    hand.until(delete.winfo_ismapped)
    hand.window.foot.delete_corrections()
    hand.window.foot.delete_corrections()
    assert not corrections.exists()
    hand.until(lambda: not delete.winfo_ismapped())


def test_a_model_without_a_threshold_is_told_to_have_none(hand: Hand) -> None:
    assert "Wrong?" in hand.window.foot.note["text"]
    hand.press("Right")
    assert "plain has no threshold of unsure" in hand.window.foot.note["text"]
    hand.stroke(SEVEN)
    assert "Wrong?" in hand.window.foot.note["text"]
    assert "?" not in said(hand)


def test_undo_with_the_pen_down_ends_the_stroke(hand: Hand) -> None:
    hand.stroke(SEVEN)
    points = list(hand.window.sketch.strokes[0])
    board = hand.window.board
    left, top = board.winfo_rootx(), board.winfo_rooty()
    hand.do("mousemove", left + 100, top + 300, "mousedown", 1, "mousemove", left + 200, top + 300)
    hand.press("ctrl+z")
    hand.do("mousemove", left + 300, top + 300, "mouseup", 1)
    assert hand.window.sketch.strokes == [points]


def test_what_a_model_cannot_answer_is_told(display: None, corrections: Path) -> None:
    class Broken(Predictor):
        def _check_answers(self) -> None: ...

    nowhere = onnx_model(weights={"linear": np.full((784, 10), np.float32("nan"))})
    window = Window([Broken(nowhere.SerializeToString(), "broken")], corrections)
    assert "broken has no threshold of unsure" in window.foot.note["text"]
    hand = Hand(window)
    hand.stroke(SEVEN)
    assert "broken: gives numbers that are not finite" in window.foot.note["text"]
    assert said(hand) == ""
    window.close()


@pytest.mark.parametrize(
    ("probabilities", "large", "below"),
    [
        ([0.0] * 9 + [1.0], "9", "100.0 %"),
        ([1e-6, *[0.0] * 8, 0.999999], "9", "> 99.9 %"),
        ([0.004, *[0.0] * 8, 0.996], "9", "99.6 %, then 0 with 0.4 %"),
        (
            [0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5],
            "4?",
            "Unsure: 4 (50.0 %) or 9 (50.0 %)",
        ),
        ([0.1] * 10, "?", "Unsure: this may be none of them"),
    ],
)
def test_an_answer_at_large(probabilities: list[float], large: str, below: str) -> None:
    from mnistlab.drawing import panel

    guess = Guess(np.array(probabilities), 0.9)
    assert panel._verdict(guess) == large
    assert panel._words(guess) == below


@pytest.mark.parametrize("name", ["7", "Ankle boot", TISSUES[2], "w" * 100, "wide " * 20])
def test_what_is_said_in_large_stands_beside_the_picture(
    opened: Callable[..., Hand], name: str
) -> None:
    panel = opened(DIGITS).window.panel
    panel.verdict.configure(**panel._fitting(name))
    panel.update()
    assert panel.verdict.winfo_rootx() + panel.verdict.winfo_reqwidth() <= panel.seen.winfo_rootx()
    assert panel.verdict.winfo_reqheight() <= panel.side * 1.1
    assert panel.verdict["text"][:5] == name[:5]


def test_words_about_long_names_and_capitals() -> None:
    from mnistlab.drawing import panel

    sure = Guess(np.array([0.99, 0.01, 0.0]), None, ("A", TISSUES[2], "b"))
    assert panel._words(sure) == "99.0 %, then cancer-associated s… with 1.0 %"
    unsure = Guess(np.array([0.5, 0.1, 0.4]), 0.9, ("A", TISSUES[2], "b"))
    assert panel._words(unsure) == "Unsure: A (50.0 %) or b (40.0 %)"
    assert panel._verdict(unsure) == "A?"


def test_light_and_dark(hand: Hand) -> None:
    light = hand.window.board["background"]
    hand.press("d")
    assert hand.window.board["background"] != light
    hand.press("d")
    assert hand.window.board["background"] == light


def environment(**changes: str | None) -> dict[str, str]:
    changed = os.environ | {key: value for key, value in changes.items() if value is not None}
    return {key: value for key, value in changed.items() if changes.get(key, "") is not None}


def test_without_a_display_it_says_what_to_install() -> None:
    if sys.platform != "linux":
        pytest.skip("other systems always have a display")
    command = [sys.executable, "-m", "mnistlab", "draw"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=environment(DISPLAY=None, WAYLAND_DISPLAY=None),
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "apt install xvfb" in done.stderr


def test_without_tkinter_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['tkinter'] = None; sys.argv[1:] = ['draw']; from mnistlab "
        "import cli; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "python3-tk" in done.stderr
