// Files for a dataset's next version, piece by piece. What has arrived is the server's to say: this page remembers nothing.
(() => {
  "use strict";
  const form = document.getElementById("adding");
  if (!form) return;
  const AT_ONCE = 3, MOST_ROWS = 100, FIRST_PAUSE = 1000, LONGEST_PAUSE = 30000, STALLED = 60000;
  const home = form.dataset.uploads, piece = Number(form.dataset.piece), token = form.elements.csrfmiddlewaretoken.value;
  const part = (name) => form.querySelector(`[data-${name}]`);
  const card = document.getElementById("uploads"), rows = part("rows"), make = part("make"), pauser = part("pause");
  const tasks = new Map(); // by path
  const waiting = [], active = new Set(), sleepers = new Set();
  let paused = false, drawn = false, rate = 0, measured = 0, measuredAt = 0;

  for (const each of form.querySelectorAll("[data-scripted]")) each.hidden = false;
  for (const each of form.querySelectorAll("[data-plain]")) each.hidden = true;

  // Talking to the server.

  // `again`: it may work later; `stopped`: somebody pressed Pause.
  const fault = (message, more) => Object.assign(new Error(message), more);

  const ask = (task, address, body, told) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let heard = Date.now();
    const watch = window.setInterval(() => { if (Date.now() - heard > STALLED) request.abort(); }, 5000);
    const over = (settle, value) => { window.clearInterval(watch); task.request = null; settle(value); };
    request.open("POST", home + address);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("Content-Type", body instanceof Blob ? "application/octet-stream" : "application/json");
    request.upload.onprogress = (event) => { heard = Date.now(); if (told) told(event.loaded); };
    request.onprogress = () => { heard = Date.now(); };
    request.onload = () => over(resolve, request);
    request.onerror = () => over(reject, fault("The connection is broken.", { again: true }));
    request.onabort = () => over(reject, paused ? fault("", { stopped: true }) : fault("The connection is broken.", { again: true }));
    task.request = request;
    request.send(body);
  });

  const say = async (task, address, body, told) => {
    const answer = await ask(task, address, body, told);
    let said = null;
    try { said = JSON.parse(answer.responseText); } catch { /* a page, not ours */ }
    if (answer.status === 200 && said) return said;
    if (answer.status === 200 || answer.status === 401) throw fault("You are signed out. Sign in again and choose the same files: they go on where they stopped.");
    const words = said ? `${said.message} ${said.next_step}` : "Studium does not answer as it should.";
    const again = answer.status >= 500 || [408, 409, 429].includes(answer.status) || Boolean(said && said.code === "upload.unknown");
    throw fault(words, { again });
  };

  const readable = async (task) => {
    try { await task.file.slice(task.received, task.received + 1).arrayBuffer(); } catch { return false; }
    return true;
  };

  const rest = (milliseconds) => new Promise((resolve) => {
    const wake = () => { window.clearTimeout(timer); sleepers.delete(wake); resolve(); };
    const timer = window.setTimeout(wake, milliseconds);
    sleepers.add(wake);
  });
  const wakeAll = () => { for (const wake of [...sleepers]) wake(); };
  const goingOn = async () => { while (paused) await rest(3600000); };

  // One file: ask where it is, send from there, and ask again after whatever went wrong.
  const upload = async (task) => {
    let pause = FIRST_PAUSE;
    for (;;) {
      try {
        await goingOn();
        const begun = await say(task, "begin/", JSON.stringify({ path: task.path, size: task.size, fingerprint: String(task.file.lastModified) }));
        task.received = begun.received;
        while (task.received < task.size) {
          await goingOn();
          const content = task.file.slice(task.received, task.received + piece);
          const said = await say(task, `${begun.id}/?offset=${task.received}`, content, (loaded) => { task.flying = Math.min(loaded, content.size); draw(); });
          task.received = said.received;
          task.flying = 0;
          pause = FIRST_PAUSE;
          trouble("");
        }
        trouble("");
        return;
      } catch (error) {
        task.flying = 0;
        if (error.stopped) continue;
        if (error.again && !(await readable(task))) throw fault("It can no longer be read, or it has changed: choose it again.");
        if (!error.again) throw error;
        trouble(`${error.message} It is tried again by itself.`);
        await rest(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  };

  const pump = () => {
    while (active.size < AT_ONCE && waiting.length) {
      const task = waiting.shift();
      if (task.state !== "waiting") continue;
      task.state = "active";
      active.add(task);
      row(task);
      upload(task).then(() => { task.state = "done"; task.file = null; }, (error) => { task.state = "failed"; task.why = error.message; }).then(() => {
        active.delete(task);
        row(task);
        pump();
        draw();
        if (!busy()) over();
      });
    }
    draw();
  };
  const busy = () => active.size > 0 || waiting.length > 0;
  const refresh = () => { const arrived = document.getElementById("arrived"); if (arrived) arrived.dispatchEvent(new CustomEvent("arrived")); };
  const over = () => { trouble(""); refresh(); };

  // What the files cost a month, said as soon as they are chosen. Without an answer the server still holds to the cap.
  const sayCost = async () => {
    const told = part("cost"), size = [...tasks.values()].reduce((sum, task) => sum + (task.state === "done" ? 0 : task.size - task.received), 0);
    try {
      const answer = await fetch(`${home}cost/?bytes=${size}`, { headers: { Accept: "application/json" } });
      const said = answer.ok ? await answer.json() : { words: "" };
      told.textContent = said.words;
      told.hidden = !said.words;
    } catch { told.hidden = true; }
  };

  // Choosing files.

  const take = (found) => {
    const into = form.elements.folder.value.trim().replace(/^\/+|\/+$/g, "");
    for (const { file, path } of found) {
      const whole = (into ? `${into}/${path}` : path).normalize("NFC");
      const before = tasks.get(whole);
      if (before && before.state === "active") continue;
      if (before) { before.state = "gone"; if (before.row) before.row.remove(); }
      const task = { path: whole, file, size: file.size, received: 0, flying: 0, state: "waiting", row: null, request: null, why: "" };
      tasks.set(whole, task);
      waiting.push(task);
      if (rows.childElementCount < MOST_ROWS) row(task);
    }
    if (tasks.size) card.hidden = false;
    sayCost();
    pump();
  };

  for (const input of form.querySelectorAll('input[type="file"]')) {
    input.addEventListener("change", () => {
      take([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
      input.value = ""; // they are not to be sent with the form as well
    });
  }

  const inFolder = (entry) => new Promise((resolve, reject) => {
    const reader = entry.createReader(), found = [];
    const more = () => reader.readEntries((some) => { if (some.length) { found.push(...some); more(); } else resolve(found); }, reject);
    more();
  });
  const walk = async (entry, found) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push({ file, path: entry.fullPath.replace(/^\/+/, "") });
      return;
    }
    for (const each of await inFolder(entry)) await walk(each, found);
  };

  const drop = part("drop");
  let inside = 0;
  const brings = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  form.addEventListener("dragenter", (event) => { if (brings(event)) { inside += 1; drop.classList.add("over"); } });
  form.addEventListener("dragleave", (event) => { if (brings(event) && (inside -= 1) <= 0) { inside = 0; drop.classList.remove("over"); } });
  form.addEventListener("dragover", (event) => { if (brings(event)) event.preventDefault(); });
  form.addEventListener("drop", async (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    inside = 0;
    drop.classList.remove("over");
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file"), found = [], walks = [];
    for (const item of items) { // all at once: what was dropped is gone after the first wait
      const entry = item.webkitGetAsEntry && item.webkitGetAsEntry();
      const file = entry ? null : item.getAsFile();
      if (entry) walks.push(entry); else if (file) found.push({ file, path: file.name });
    }
    try { for (const entry of walks) await walk(entry, found); } catch { trouble("A folder could not be read; what was found in it before is uploaded."); }
    take(found);
  });

  // What is seen.

  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
  const sized = (count) => {
    let at = 0, value = count;
    while (value >= 1024 && at < UNITS.length - 1) { value /= 1024; at += 1; }
    return `${value < 10 && Math.round(value * 10) % 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[at]}`;
  };
  const lasting = (seconds) => seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

  const element = (name, words, kind) => {
    const made = document.createElement(name);
    if (words) made.textContent = words;
    if (kind) made.className = kind;
    return made;
  };

  const row = (task) => {
    if (!task.row) {
      task.row = element("li");
      task.title = element("h3", task.path, "path");
      task.bar = element("progress");
      task.bar.setAttribute("aria-label", task.path);
      task.told = element("small");
      task.row.append(task.title, task.bar, task.told);
    }
    if (task.state === "active" || task.state === "failed") rows.prepend(task.row);
    else if (!task.row.isConnected) rows.append(task.row);
    task.row.classList.toggle("failed", task.state === "failed");
    if (task.state === "failed" && !task.retry) {
      task.retry = element("button", "Try again", "btn");
      task.retry.type = "button";
      task.retry.addEventListener("click", () => { task.retry.remove(); task.retry = null; task.state = "waiting"; waiting.push(task); row(task); pump(); });
      task.row.append(task.retry);
    }
    show(task);
    for (let last = rows.lastElementChild; rows.childElementCount > MOST_ROWS && last && last.dataset.over; last = rows.lastElementChild) last.remove();
  };

  const show = (task) => {
    const have = task.received + task.flying;
    task.bar.max = task.size || 1;
    task.bar.value = task.state === "done" ? task.bar.max : have;
    task.bar.hidden = task.state === "failed";
    task.row.dataset.over = task.state === "done" ? "yes" : "";
    task.told.className = task.state === "failed" ? "error" : "";
    task.told.textContent = { waiting: `${sized(task.size)}, waits`, done: `${sized(task.size)}, there`, failed: task.why }[task.state] || `${sized(have)} of ${sized(task.size)}`;
  };

  const trouble = (words) => {
    const said = part("trouble");
    said.textContent = words;
    said.hidden = !words;
    if (words) { rate = 0; measuredAt = 0; draw(); }
  };

  const figures = () => {
    let have = 0, all = 0, done = 0, failed = 0;
    for (const task of tasks.values()) {
      if (task.state === "failed") { failed += 1; continue; }
      all += task.size;
      have += task.state === "done" ? task.size : task.received + task.flying;
      if (task.state === "done") done += 1;
    }
    return { have, all, done, failed };
  };

  const measure = (have) => {
    const now = Date.now();
    if (!measuredAt || paused) { measured = have; measuredAt = now; return; }
    if (now - measuredAt < 1000) return;
    const fresh = Math.max(0, have - measured) / ((now - measuredAt) / 1000);
    rate = rate ? rate * 0.7 + fresh * 0.3 : fresh;
    measured = have;
    measuredAt = now;
  };

  const draw = () => {
    if (drawn) return;
    drawn = true;
    window.requestAnimationFrame(() => {
      drawn = false;
      for (const task of active) show(task);
      const { have, all, done, failed } = figures();
      measure(have);
      const bar = part("all"), count = tasks.size - failed;
      bar.max = all || 1;
      bar.value = all ? have : Number(!busy());
      const left = failed ? ` ${failed} failed and will not be in the version.` : "";
      part("told").textContent = busy() ? `${paused ? "Paused: " : ""}${done} of ${count} files` : `${done} of ${count} files are there.${left}`;
      part("figures").textContent = `${sized(have)} of ${sized(all)}${busy() && !paused && rate > 0 ? ` · ${sized(rate)}/s · ${lasting((all - have) / rate)} left` : ""}`;
      card.querySelector("h2").textContent = busy() ? "Uploading" : "Uploaded";
      pauser.hidden = !busy();
      pauser.textContent = paused ? "Resume" : "Pause";
      make.disabled = busy();
      make.title = busy() ? "Once all files are there" : "";
    });
  };

  pauser.addEventListener("click", () => {
    paused = !paused;
    rate = 0;
    measuredAt = 0;
    if (paused) { for (const task of active) if (task.request) task.request.abort(); } else wakeAll();
    trouble("");
    draw();
  });
  window.addEventListener("online", () => { if (!paused) wakeAll(); });
  window.addEventListener("beforeunload", (event) => { if (busy()) event.preventDefault(); });
  form.addEventListener("submit", (event) => { if (busy()) event.preventDefault(); });

  // What was forgotten on the server is not "there" on this page; what is on its way is begun anew by itself.
  document.addEventListener("htmx:afterRequest", (event) => {
    const { pathInfo, successful } = event.detail; // the button itself is gone by now
    if (!successful || pathInfo.requestPath !== `${home}forget/`) return;
    for (const task of [...tasks.values()]) {
      if (task.state === "active" || task.state === "waiting") continue;
      tasks.delete(task.path);
      if (task.row) task.row.remove();
    }
    card.hidden = !tasks.size;
    draw();
  });
})();
