"""The exported tables compile with pdfLaTeX, whatever their texts hold; takes seconds.

    python -m tests.slow.latex [RESULTS]

Needs Debian's texlive-latex-recommended, where booktabs is. RESULTS is a results folder whose
tables are set as well, and must fit an A4 page of the class article.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from mnistlab.report.tables import as_latex, to_latex
from mnistlab.results.store import Store
from mnistlab.results.summary import read_results
from tests.report.test_tables import changes

BEGIN = "\\documentclass[a4paper]{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
EVIL = r"""\end{tabular} \input{/etc/passwd} %$&#_{}~^ `x` ?`!` <|> "q" 漢字 ąß ^^41 \undefined"""
LAST = 0x2FFFF  # characters beyond are private or unassigned
BATCH = 100  # characters per paragraph


def characters() -> str:
    """Every printable character of the first three planes, in paragraphs of a few."""
    known = [chr(code) for code in range(LAST) if chr(code).isprintable()]
    plain = [each for each in known if not as_latex(each).startswith(r"\texttt{U+")]
    others = [each for each in known if as_latex(each).startswith(r"\texttt{U+")][::BATCH]
    every = plain + others
    batches = ("".join(every[i : i + BATCH]) for i in range(0, len(every), BATCH))
    return "\n\n".join(as_latex(batch) for batch in batches)


def compile_latex(body: str, folder: Path) -> str:
    """Return what pdfLaTeX says of a document. Raises CalledProcessError where it fails."""
    (folder / "tables.tex").write_text(f"{BEGIN}{body}\n\\end{{document}}\n", "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def main() -> None:
    results = changes()
    evil = '\\end{tabular} \\input{/etc/passwd} %$&#_{}~^ `x` ?`!` <|> "q" 漢字 ąß ^^41 \\undefined'
    book = results.plan.book.model_copy(update={"title": evil})
    results = replace(results, plan=results.plan.model_copy(update={"book": book}))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compile_latex(to_latex(results), folder)
        compile_latex(characters(), folder)
        print("any text: compiles")
        for place in sys.argv[1:]:
            said = compile_latex(to_latex(read_results(Store(Path(place)))), folder)
            assert "Overfull" not in said, said
            print(f"{place}: compiles, and fits the page")


if __name__ == "__main__":
    main()
