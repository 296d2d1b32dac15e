// The page in the frame: takes a card, tells the shop's page how it stands.
"use strict";

const form = document.getElementById("card");
const fields = [...form.querySelectorAll("input:not([type=hidden])")];
let touched = "";

// Any shop may embed this: an app under test can live anywhere, and a token of a test card is no secret.
const tell = (type, detail) => window.parent.postMessage({ type: `paymennt:${type}`, ...detail }, "*");

// The server has the last word; this is enough to light a button.
const rules = {
  "card-number": [/^[\d -]{12,23}$/, "Enter the card number"],
  "card-expiry": [/^\d{1,2}\s*[/ -]?\s*(\d{2}|\d{4})$/, "Enter the expiry date"],
  "card-cvc": [/^\d{3,4}$/, "Enter the security code"],
  cardholder: [/\S/, "Enter the name on the card"],
};

function state() {
  const wrong = fields.filter((input) => !rules[input.name][0].test(input.value.trim()));
  const validationErrors = wrong.map((input) => ({ field: input.name, message: rules[input.name][1] }));
  return { valid: wrong.length === 0, validationErrors, lastActiveField: touched, error: validationErrors[0]?.message ?? null };
}

form.addEventListener("input", (event) => {
  touched = event.target.name;
  tell("validation", { state: state() });
});

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || event.data?.type !== "paymennt:submit") return;
  form.elements.nonce.value = crypto.getRandomValues(new Uint32Array(4)).join("-");
  form.requestSubmit();
});

// What the server answered to the last submission.
const problems = [...document.querySelectorAll(".problem")];
if (form.dataset.error) {
  tell("failed", { error: form.dataset.error });
} else if (form.dataset.token) {
  tell("tokenized", { token: form.dataset.token });
} else if (problems.length) {
  const found = problems.map((problem) => ({ field: problem.id.replace(/-problem$/, ""), message: problem.textContent }));
  tell("validation", { state: { valid: false, validationErrors: found, lastActiveField: "", error: found[0].message } });
  tell("failed", { error: found[0].message });
} else {
  tell("ready", {});
}
