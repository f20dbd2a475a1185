// Niceties only: every page and every action works without this file.
(() => {
  "use strict";
  const closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null;

  // On a narrow screen the areas are scrolled; the one that the page is of is shown whole.
  const here = document.querySelector(".top nav [aria-current]");
  if (here) {
    const areas = here.parentElement, left = here.offsetLeft - areas.offsetLeft;
    if (left + here.offsetWidth > areas.clientWidth) areas.scrollLeft = left + here.offsetWidth - areas.clientWidth + 2;
  }

  document.addEventListener("keydown", (event) => {
    const typing = closest(event, "input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const find = document.querySelector("[data-find]");
      if (find) { event.preventDefault(); find.focus(); }
    }
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
    }
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    const copy = closest(event, "[data-copy]");
    const source = copy && document.getElementById(copy.dataset.copy);
    if (source && navigator.clipboard) {
      navigator.clipboard.writeText(source.value || source.textContent.trim()).then(() => {
        const before = copy.textContent;
        copy.textContent = "Copied";
        window.setTimeout(() => { copy.textContent = before; }, 1500);
      });
    }
  });

  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);

  // JupyterLab in the frame saves what is open before a version is made of it; without an answer the form goes all the same.
  document.addEventListener("submit", (event) => {
    const form = event.target, frame = document.querySelector(".lab iframe"), pressed = event.submitter;
    if (!("savesFirst" in form.dataset) || !frame || form.dataset.saved) return;
    event.preventDefault();
    const origin = new URL(frame.src).origin;
    const send = () => {
      window.removeEventListener("message", heard);
      window.clearTimeout(late);
      if (form.dataset.saved) return;
      form.dataset.saved = "yes";
      form.requestSubmit(pressed);
    };
    const heard = (answer) => { if (answer.source === frame.contentWindow && answer.origin === origin && answer.data && answer.data.studium === "saved") send(); };
    const late = window.setTimeout(send, 15000);
    window.addEventListener("message", heard);
    frame.contentWindow.postMessage({ studium: "save" }, origin);
  });

  document.addEventListener("change", (event) => {
    const field = closest(event, "[data-submits]");
    if (field && field.form) field.form.requestSubmit();
  });

  // A log that grows keeps its end in sight unless somebody has scrolled up.
  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const log = closest(event, "[data-tail]");
    if (log) log.dataset.follows = atEnd(log) ? "yes" : "";
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const log of document.querySelectorAll("[data-tail]")) if (log.dataset.follows !== "") log.scrollTop = log.scrollHeight;
  });
  for (const log of document.querySelectorAll("[data-tail]")) log.scrollTop = log.scrollHeight;

  // The connection is gone: say so once, and take it back when an answer arrives.
  const notices = () => document.getElementById("notices");
  document.addEventListener("htmx:sendError", () => {
    if (notices() && !document.getElementById("offline")) {
      notices().insertAdjacentHTML("beforeend", '<p class="note warn" id="offline">Studium does not answer at the moment. What runs goes on; this page tries again by itself.</p>');
    }
  });
  document.addEventListener("htmx:afterOnLoad", () => { const said = document.getElementById("offline"); if (said) said.remove(); });
})();
