// The configuration page: a live preview, rows without a reload, a search, a test. All of it works without, by buttons.

const form = document.getElementById("connector");
const preview = document.getElementById("preview");
const units = document.getElementById("units");
const answer = document.getElementById("answer");
const state = document.getElementById("preview-state");
const PAUSE_MS = 350;

document.documentElement.classList.add("scripted");

/** Puts in what the server made; what was open or focused in there is again. */
function replaceContent(part, html) {
  const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.innerHTML = html;
  part.dispatchEvent(new Event("replaced", { bubbles: true }));
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function ask(part, signal) {
  const sent = await fetch(form.dataset.url + part, { method: "POST", body: new FormData(form), headers: { "X-Fragment": "1" }, signal });
  if (sent.status === 401) throw new Error("you are signed out; sign in in another tab and go on here");
  if (!sent.ok) throw new Error(`HTTP ${sent.status}`);
  return sent.text();
}

/** Calls `act` once nothing came for a moment; a later call ends an earlier one that is under way. */
function settled(act) {
  let timer = 0;
  let running = new AbortController();
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running.abort();
      running = new AbortController();
      act(running.signal).catch((error) => { if (error.name !== "AbortError") throw error; });
    }, PAUSE_MS);
  };
}

const showPreview = settled(async (signal) => {
  try {
    replaceContent(preview, await ask("/preview", signal));
    preview.classList.remove("stale");
    const lacks = preview.querySelector("#preview-missing, #preview-wrong");
    const told = lacks ? "The preview is up to date, but not complete" : "The preview is up to date";
    if (state.textContent !== told) state.textContent = told;
    const name = document.getElementById("name");
    if (name) name.placeholder = document.getElementById("proposed-name").textContent;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    preview.classList.add("stale");
    state.textContent = `The preview is not up to date: ${error.message}`;
  }
});

const findUnits = settled(async (signal) => replaceContent(units, await ask("/business-units", signal)));

function number(list) {
  [...list.children].forEach((row, place) => {
    for (const control of row.querySelectorAll("[aria-label]")) control.setAttribute("aria-label", control.getAttribute("aria-label").replace(/\d+$/, String(place + 1)));
    for (const button of row.querySelectorAll("[data-row]")) button.value = `${list.dataset.rows}.${button.dataset.row}.${place}`;
  });
}

function add(name) {
  const list = form.querySelector(`[data-rows="${name}"]`);
  const row = document.getElementById(`row-${name}`).content.firstElementChild.cloneNode(true);
  list.append(row);
  number(list);
  row.querySelector("input").focus();
}

function change(row, word, focused) {
  const list = row.parentElement;
  const next = row.nextElementSibling ?? row.previousElementSibling;
  if (word === "up" && row.previousElementSibling) row.previousElementSibling.before(row);
  if (word === "down" && row.nextElementSibling) row.nextElementSibling.after(row);
  if (word === "remove") row.remove();
  number(list);
  if (word !== "remove") focused.focus();
  else (next?.querySelector("input") ?? form.querySelector(`[data-add="${list.dataset.rows}"]`)).focus();
  showPreview();
}

async function test(button) {
  button.disabled = true;
  answer.textContent = "Sending ...";
  try {
    replaceContent(answer, await ask("/test"));
    answer.scrollIntoView({ block: "nearest" });
  } catch (error) {
    answer.textContent = `No answer to show: ${error.message}`;
  }
  button.disabled = false;
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.add) add(button.dataset.add);
  else if (button.dataset.row) change(button.closest("li"), button.dataset.row, button);
  else if ("test" in button.dataset) test(button);
  else return;
  event.preventDefault();
});
form.addEventListener("keydown", (event) => {
  const row = event.target.closest?.('[data-rows="field_mapping"] > li');
  const word = { ArrowUp: "up", ArrowDown: "down" }[event.key];
  if (!row || !word || !event.altKey) return;
  event.preventDefault();
  change(row, word, event.target);
});
form.addEventListener("input", (event) => (event.target.id === "words" ? findUnits() : showPreview()));
form.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.id === "words") event.preventDefault(); });

document.getElementById("as-json").addEventListener("toggle", (event) => {
  const text = document.getElementById("mapping_json");
  if (!event.target.open || text.getAttribute("aria-invalid")) return;
  const lines = [...form.querySelectorAll('[data-rows="field_mapping"] > li')].map((row) => {
    const [field, property] = [...row.querySelectorAll("input")].map((input) => input.value);
    return { field, property };
  }).filter((line) => line.field.trim() || line.property.trim());
  text.value = lines.length ? `[\n  ${lines.map((line) => JSON.stringify(line)).join(",\n  ")}\n]` : "[]";
});
document.getElementById("faults")?.querySelector("a")?.focus();
