// Frames: puts the card form of the sandbox into a shop's page and hands out tokens.
"use strict";

window.PaymenntJS = (() => {
  const base = new URL("../../", document.currentScript.src);
  let options = null;
  let frame = null;

  const call = (name, detail) => options?.[name]?.(detail);

  window.addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow) return;
    const { type, token, error, state } = event.data ?? {};
    if (type === "paymennt:tokenized") call("onTokenized", { token });
    if (type === "paymennt:failed") call("onTokenizationFailed", { error });
    if (type === "paymennt:validation") call("onValidationUpdate", state);
  });

  return {
    modes: { LIVE: "LIVE", TEST: "TEST", STAGING: "STAGING" },

    // { publicKey, selector, wrapper, mode, onTokenized, onTokenizationFailed, onValidationUpdate }
    init(given) {
      options = { selector: "#paymennt-frame", ...given };
      const place = document.querySelector(options.selector);
      if (!place) throw new Error(`PaymenntJS: nothing matches ${options.selector}`);
      if (options.mode === "LIVE") {
        call("onTokenizationFailed", { error: "This is a sandbox: use PaymenntJS.modes.TEST" });
        return;
      }
      const address = new URL("frames/card", base);
      address.searchParams.set("publicKey", options.publicKey ?? "");
      frame = document.createElement("iframe");
      frame.title = "Card details";
      frame.src = address.href;
      frame.style.cssText = "border:0;width:100%;min-height:31rem";
      place.replaceChildren(frame);
    },

    submitPayment() {
      if (!frame) throw new Error("PaymenntJS: call init first");
      frame.contentWindow.postMessage({ type: "paymennt:submit" }, "*");
    },
  };
})();
