// Goes on by itself with what takes more than one request; without it a button does.
import { replaceContent } from "./app.js";

const part = document.getElementById("bulk");

async function send(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "X-Fragment": "1" } });
  if (!answer.ok) {
    button.disabled = false;
    form.insertAdjacentText("beforeend", `It stopped (HTTP ${answer.status}); go on, or load the page again.`);
    return;
  }
  replaceContent(part, await answer.text());
  const onward = part.querySelector("form[data-onward]");
  if (onward) await send(onward);
}

part?.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-steps]")) return;
  event.preventDefault();
  send(event.target);
});
