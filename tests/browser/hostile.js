// Each try gives what it got, or why it failed. `far` is the author's listener, `home` the platform, `other` another notebook.
const tries = {
  cookie: () => document.cookie = "a=b",
  reads_cookie: () => document.cookie,
  storage: () => localStorage.length,
  session_storage: () => sessionStorage.length,
  database: () => indexedDB.open("x") && "opened",
  caches: () => caches.open("x"),
  top_document: () => top.document.body.innerHTML,
  top_address: () => top.location.href,
  parent_document: () => parent.document.body.innerHTML,
  top_goes: () => { top.location = far + "/top"; return "sent"; },
  top_replaced: () => { window.top.location.replace(far + "/replaced"); return "sent"; },
  parent_goes: () => { parent.location = far + "/parent"; return "sent"; },
  opens: () => String(window.open(far + "/popup")),
  worker: () => navigator.serviceWorker.register("/-/lib/fenced.js"),
  shared: () => new SharedWorker(far + "/shared.js") && "made",
  alert: () => { alert("x"); return "asked"; },
  platform: () => fetch(home + "/rest/notebooks?MARK", {credentials: "include"}),
  platform_blind: () => fetch(home + "/MARK", {credentials: "include", mode: "no-cors"}),
  deletes: () => fetch(home + "/notebooks/MARK/delete/", {method: "POST", credentials: "include", mode: "no-cors"}),
  another: () => fetch(other + "/?MARK", {credentials: "include"}).then((r) => r.text()),
  another_blind: () => fetch(other + "/?MARK", {credentials: "include", mode: "no-cors"}),
  own_host: () => fetch("/?MARK", {credentials: "include"}).then((r) => r.text()),
  tells: () => fetch(far + "/fetch", {mode: "no-cors"}),
  asks: () => new Promise((done, fail) => { const x = new XMLHttpRequest(); x.open("GET", far + "/xhr"); x.onload = () => done("loaded"); x.onerror = () => fail(Error("refused")); x.send(); }),
  beacon: () => navigator.sendBeacon(far + "/beacon", "x") && "queued",
  socket: () => new Promise((done, fail) => { const s = new WebSocket(far.replace("http", "ws") + "/socket"); s.onopen = () => done("open"); s.onerror = () => fail(Error("refused")); }),
  events: () => new Promise((done, fail) => { const s = new EventSource(far + "/events"); s.onopen = () => done("open"); s.onerror = () => fail(Error("refused")); }),
  imports: () => import(far + "/module.js"),
};
const elements = {
  picture: ["img", "src"], script: ["script", "src"], platform_script: ["script", "src", home + "/MARK.js"], frame: ["iframe", "src"],
  platform_frame: ["iframe", "src", home + "/MARK"], other_frame: ["iframe", "src", other + "/?MARK"], embed: ["embed", "src"],
  object: ["object", "data"], video: ["video", "src"], sound: ["audio", "src"], style: ["link", "href", far + "/style.css", {rel: "stylesheet"}],
  prefetch: ["link", "href", far + "/prefetch", {rel: "prefetch"}], manifest: ["link", "href", far + "/manifest", {rel: "manifest"}],
  icon: ["link", "href", far + "/icon", {rel: "icon"}], preload: ["link", "href", far + "/preload", {rel: "preload", as: "image"}],
};
for (const [name, [tag, attribute, address, more]] of Object.entries(elements)) {
  tries["element_" + name] = () => new Promise((done, fail) => {
    const element = Object.assign(document.createElement(tag), more);
    element.onload = () => done("loaded"); element.onerror = () => fail(Error("refused"));
    element[attribute] = address || far + "/" + name;
    document.body.append(element);
    setTimeout(() => fail(Error("nothing came")), 500);
  });
}
const submits = (action, method) => () => {
  const form = Object.assign(document.createElement("form"), {action, method});
  document.body.append(form); form.submit(); return "sent";
};
tries.form = submits(far + "/form", "post");
tries.form_get = submits(far + "/form", "get");
tries.form_platform = submits(home + "/MARK/", "post");
tries.form_top = () => { const f = Object.assign(document.createElement("form"), {action: far + "/f", target: "_top"}); document.body.append(f); f.submit(); return "sent"; };
tries.download = () => { const a = Object.assign(document.createElement("a"), {href: "data:text/plain,x", download: "x"}); document.body.append(a); a.click(); return "clicked"; };
tries.link_top = () => { const a = Object.assign(document.createElement("a"), {href: far + "/link", target: "_top"}); document.body.append(a); a.click(); return "clicked"; };
tries.link_blank = () => { const a = Object.assign(document.createElement("a"), {href: far + "/blank", target: "_blank"}); document.body.append(a); a.click(); return "clicked"; };
tries.messages = () => { for (const w of [parent, top]) { w.postMessage({studium: "saved"}, "*"); w.postMessage({type: "navigate", url: far}, "*"); } return "sent"; };
(async () => {
  const results = {};
  await Promise.all(Object.entries(tries).map(async ([name, go]) => {
    const late = new Promise((_, fail) => setTimeout(() => fail(Error("no answer")), 1500));
    try { results[name] = "got: " + String(await Promise.race([go(), late])).slice(0, 200); }
    catch (error) { results[name] = "failed: " + error.name; }
  }));
  document.documentElement.dataset.results = JSON.stringify(results);
  document.documentElement.dataset.done = "yes";
})();
