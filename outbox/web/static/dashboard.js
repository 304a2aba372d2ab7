// The grid by keyboard: one square of a row is a tab stop, the arrow keys lead on; and the newest is in sight at first.

const grid = document.getElementById("grid");
const box = grid?.parentElement;
let place;

const lines = () => [...grid.querySelectorAll("tbody tr:not(.group)")];

/** The square nearest to that column; those with nothing to tell are no stops. */
function nearest(line, column) {
  const links = [...line.querySelectorAll("td a")];
  const distance = (link) => Math.abs(link.parentElement.cellIndex - column);
  return links.reduce((best, link) => (!best || distance(link) < distance(best) ? link : best), undefined);
}

function stop(link) {
  for (const other of link.closest("tr").querySelectorAll("td a")) other.tabIndex = other === link ? 0 : -1;
}

function stops() {
  for (const line of lines()) {
    const links = line.querySelectorAll("td a");
    if (links.length) stop(links[links.length - 1]);
  }
}

function step(event) {
  const link = event.target.closest("td a");
  if (!link) return;
  const row = link.closest("tr");
  const links = [...row.querySelectorAll("td a")];
  const at = links.indexOf(link);
  const rows = lines().filter((line) => line.querySelector("td a"));
  const to = {
    ArrowLeft: links[at - 1], ArrowRight: links[at + 1], Home: links[0], End: links.at(-1),
    ArrowUp: rows[rows.indexOf(row) - 1], ArrowDown: rows[rows.indexOf(row) + 1],
  }[event.key];
  if (!to) return;
  event.preventDefault();
  const next = to instanceof HTMLTableRowElement ? nearest(to, link.parentElement.cellIndex) : to;
  stop(next);
  next.focus();
}

if (grid) {
  grid.addEventListener("keydown", step);
  grid.addEventListener("focusin", (event) => {
    const cell = event.target.closest("td");
    place = cell ? [lines().indexOf(cell.parentElement), cell.cellIndex] : undefined;
  });
  new MutationObserver(() => {
    stops();
    if (place && document.activeElement === document.body) {
      const line = lines()[place[0]];
      if (line) nearest(line, place[1])?.focus({ preventScroll: true });
    }
  }).observe(grid, { childList: true });
  stops();
  box.scrollLeft = box.scrollWidth;
}
