// Comfort, and word to whoever frames the page. Every page works without it.
"use strict";

const framed = window.parent !== window;
const { post, go } = document.body.dataset;

if (framed) {
  // Any origin may know: an app under test can live anywhere, and nothing here is secret.
  if (post) window.parent.postMessage({ type: post }, "*");
  // A framed page stays where it is: its parent goes on.
  document.querySelectorAll("[data-standalone]").forEach((link) => link.remove());
  // Browsers leave `autofocus` alone in a frame of another site. Ours stands only where somebody has just sent a form.
  document.querySelector("[autofocus]")?.focus();
} else if (go) {
  window.location.replace(go);
}

const field = (name) => document.getElementById(name);

document.querySelectorAll("[data-card]").forEach((link) => {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    field("card-number").value = link.dataset.card;
    field("card-expiry").value = link.dataset.expiry;
    field("card-cvc").value = link.dataset.cvc;
    field("cardholder").value ||= link.closest("[data-name]").dataset.name;
    document.querySelectorAll("[aria-invalid]").forEach(forgive);
    document.querySelector("[data-testid=pay]").focus();
  });
});

// What was wrong with a field is no longer said once somebody works on it.
function forgive(input) {
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
  document.getElementById(`${input.id}-problem`)?.remove();
}

document.querySelectorAll("[aria-invalid]").forEach((input) => {
  input.addEventListener("input", () => forgive(input), { once: true });
});

// Groups digits while somebody types at the end of a field; whoever edits in the middle is left alone.
function grouped(name, group) {
  field(name)?.addEventListener("input", (event) => {
    const input = event.target;
    if (event.inputType?.startsWith("delete") || input.selectionStart !== input.value.length) return;
    if (/^[\d /-]*$/.test(input.value)) input.value = group(input.value);
  });
}

grouped("card-number", (text) => {
  const digits = text.replace(/\D/g, "");
  const groups = /^3[47]/.test(digits) ? /^(\d{1,4})(\d{1,6})?(\d+)?$/ : null;
  return groups ? (digits.match(groups) ?? []).slice(1).filter(Boolean).join(" ") : digits.replace(/(\d{4})(?=\d)/g, "$1 ");
});
grouped("card-expiry", (text) => (/^\d{2}$/.test(text) ? `${text} / ` : text.replace(/^(\d{2})(\d{1,2})$/, "$1 / $2")));

// A second click while the first is on its way would be harmless, but looks broken.
document.querySelectorAll("form").forEach((form) => {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button?.dataset.busy) button.textContent = button.dataset.busy;
  });
});

// Back from another page, out of the browser's memory: what stands here may have been paid or spent since.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.replace(window.location.href);
});
