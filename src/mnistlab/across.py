"""A book on several data sets: the results of each in a sub-folder, and a report over all."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mnistlab.book.trial import Book
from mnistlab.errors import LabError, UnfinishedError, store_errors_as_unfinished
from mnistlab.images import DataSet
from mnistlab.lab import default_folder, run_book
from mnistlab.results.across import Across, check_sets, write_sets
from mnistlab.results.summary import Results


def run_books(
    book: Book,
    datasets: Sequence[DataSet],
    out: str | Path | None = None,
    run: Callable[[Book, DataSet, Path], Results] = run_book,
) -> Across:
    """Run the book on each data set, one after the other, and report over all of them.

    `out` is `default_folder` with all their names if not given; `run` is what runs a book on one,
    such as `functools.partial(run_book, jobs=2)`. What is stored is not trained again.

    Raises UnfinishedError if a set is refused after another was trained, or as `run` does.
    """
    from mnistlab.report.across import write_across

    names = [data.name for data in datasets]
    folder = Path(out) if out else default_folder(book, "-".join(names))
    check_sets(folder, names)
    for data in datasets:
        try:
            run(book, data, folder / data.name)
        except LabError as error:
            if data is datasets[0]:
                raise
            raise UnfinishedError(str(error)) from None
    with store_errors_as_unfinished():
        write_sets(folder, names)
        return write_across(folder)
