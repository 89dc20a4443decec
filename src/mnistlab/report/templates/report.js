// Sort a table by the column whose heading is pressed; numbers by data-value, missing ones last; print everything.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th"), body = heading.closest("table").tBodies[0];
    const column = heading.cellIndex, down = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const key = (row) => {
      const text = row.cells[column].dataset.value;
      return text === "" ? NaN : Number(text);
    };
    const rows = [...body.rows].sort((a, b) => {
      const x = key(a), y = key(b);
      return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : down * (x - y);
    });
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
    body.append(...rows);
  });
}
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
