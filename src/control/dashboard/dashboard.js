// Follows the world while the page is open, and does in place what the forms and links do by themselves.
"use strict";

const parts = () => document.querySelectorAll("[data-part]");
const read = (html) => new DOMParser().parseFromString(html, "text/html");

/* Puts what is new of another version of this page into this one. What somebody has opened or is typing in stays. */
function take(page, withTold) {
  const opened = new Map();
  for (const more of document.querySelectorAll("#timeline .more, #deliveries .more")) {
    opened.set(more.dataset.of, more);
  }
  for (const part of parts()) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!fresh || (part.dataset.part === "told" && !withTold)) continue;
    if (part.contains(document.activeElement) && document.activeElement.tagName === "INPUT") {
      const now = part.querySelector("#now");
      if (now) now.textContent = fresh.querySelector("#now").textContent;
      if (now) continue;
    }
    if (part.dataset.source !== fresh.innerHTML) {
      part.dataset.source = fresh.innerHTML;
      part.innerHTML = fresh.innerHTML;
    }
  }
  for (const [href, more] of opened) {
    const link = document.querySelector(`[data-more][href="${CSS.escape(href)}"]`);
    if (link && !more.isConnected) place(link, more);
  }
}

let refreshing = false;
let again = false;

async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  try {
    const answer = await fetch(location.href);
    if (answer.ok) take(read(await answer.text()), false);
  } catch {
    // The server is gone; the stream will say when it is back.
  }
  refreshing = false;
  if (again) {
    again = false;
    setTimeout(refresh, 100);
  }
}

function follow() {
  if (document.body.dataset.newest !== "true") return;
  const sign = document.getElementById("live");
  const stream = new EventSource(document.body.dataset.live);
  let first = true;
  stream.addEventListener("changed", () => {
    sign.classList.add("on");
    if (!first) refresh();
    first = false;
  });
  stream.addEventListener("quiet", () => sign.classList.add("on"));
  addEventListener("pagehide", () => stream.close());
}

function place(link, more) {
  const row = link.closest(".row");
  (row ? row.parentElement : link.parentElement).append(more);
}

/* Shows what a link leads to below it; a second time it goes away. */
async function open(link) {
  const href = link.getAttribute("href");
  const shown = document.querySelector(`.more[data-of="${CSS.escape(href)}"]`);
  if (shown) {
    shown.remove();
    return;
  }
  const answer = await fetch(href);
  const details = read(await answer.text()).getElementById("details");
  const more = document.createElement("div");
  more.className = "more";
  more.dataset.of = href;
  for (const part of details.querySelectorAll("pre, h2, #message")) more.append(part);
  place(link, more);
}

async function act(form, button) {
  const body = new URLSearchParams(new FormData(form));
  if (button && button.name) body.set(button.name, button.value);
  const buttons = document.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const page = read(await answer.text());
    const told = document.getElementById("told");
    if (answer.ok) {
      const input = form.querySelector("input[name=name]");
      if (input) input.value = "";
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      take(page, true);
    } else {
      const why = page.getElementById("message");
      const problem = document.createElement("p");
      problem.className = "problem";
      problem.setAttribute("role", "alert");
      problem.textContent = why ? why.textContent : "That cannot be done.";
      const title = document.createElement("h2");
      title.textContent = "That cannot be done";
      told.replaceChildren(title, problem);
      delete told.dataset.source;
    }
  } finally {
    for (const one of document.querySelectorAll("button")) one.disabled = false;
    const step = document.getElementById("step");
    if (step) step.disabled = !document.querySelector("#due li");
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-act]")) return;
  event.preventDefault();
  act(event.target, event.submitter);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-more]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(link);
});

const reads = document.getElementById("reads");
reads.checked = localStorage.getItem("reads") === "yes";
const show = () => document.getElementById("timeline").classList.toggle("reads", reads.checked);
reads.addEventListener("change", () => {
  localStorage.setItem("reads", reads.checked ? "yes" : "no");
  show();
});
show();
for (const part of parts()) part.dataset.source = part.innerHTML;
follow();
