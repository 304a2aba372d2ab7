// What all pages share: live parts, confirmation, times in the reader's zone, copying. Everything works without it.

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  const [unit, length] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? STEPS.at(-1);
  return relative.format(Math.round(seconds / length), unit);
}

function tellTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    time.title ||= time.textContent;
    time.textContent = time.hasAttribute("data-ago") ? ago(moment) : dateTime.format(moment);
  }
}

/** Replaces what a live part holds; what was open or focused in it is again, found by its id. */
export function replaceContent(part, html) {
  const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.innerHTML = html;
  for (const id of open) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (focused) part.querySelector(`#${CSS.escape(focused)}`)?.focus({ preventScroll: true });
  tellTimes(part);
}

const shown = new WeakMap();

async function refresh(part) {
  if (document.hidden || part.querySelector("form :focus, [popover]:popover-open")) return;
  try {
    const answer = await fetch(part.dataset.live, { headers: { "X-Fragment": "1" } });
    if (answer.status === 401) location.reload();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const html = await answer.text();
    if (html !== shown.get(part)) replaceContent(part, html);  // what stands is not read out again
    shown.set(part, html);
    part.classList.remove("stale");
    part.removeAttribute("title");
  } catch (error) {
    part.classList.add("stale");
    part.title = `Not up to date: ${error.message}`;
  }
}

function live(part) {
  const seconds = Number(part.dataset.every || 10);
  const again = () => setTimeout(async () => { await refresh(part); again(); }, seconds * 1000);
  again();
}

function confirmFirst(event) {
  const form = event.target;
  const words = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  const dialog = document.getElementById("confirm");
  if (!words || !dialog || form.dataset.confirmed) return;
  event.preventDefault();
  const submitter = event.submitter;
  document.getElementById("confirm-words").textContent = words;
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }, { once: true });
  dialog.showModal();
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
}

document.addEventListener("submit", confirmFirst);
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (button) copy(button);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit], input[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("replaced", (event) => tellTimes(event.target));
tellTimes(document);
setInterval(() => tellTimes(document), 15000);
document.querySelectorAll("[data-live]").forEach(live);
