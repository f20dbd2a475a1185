// Shows widgets as they were saved, with the code that Jupyter's own notebook page runs for them. No kernel answers.
"use strict";
(() => {
  const saved = fenced.data();
  const never = () => {};
  const events = { on: never, off: never, trigger: never };
  const keys = { register_events: never, enable: never, disable: never, actions: { register: never } };
  const fail = (error) => {
    fenced.failed(`These widgets could not be shown: ${(error && error.message) || error}`);
    if (saved.text) { const text = document.createElement("pre"); text.textContent = saved.text; document.body.append(text); }
  };
  let show = null;

  // One picture, table or text of an Output widget.
  const shown = (output) => {
    const data = output.data || {}, picture = ["image/png", "image/jpeg", "image/gif"].find((kind) => data[kind]);
    const text = (value) => (Array.isArray(value) ? value.join("") : String(value));
    if (picture) { const img = document.createElement("img"); img.src = `data:${picture};base64,${text(data[picture])}`; return img; }
    const html = data["image/svg+xml"] || data["text/html"];
    if (html) { const part = document.createElement("div"); part.innerHTML = text(html); return part; }
    const pre = document.createElement("pre");
    const words = output.text || data["text/plain"] || (output.traceback || []).join("\n");
    pre.textContent = text(words).replace(/\x1b\[[0-9;]*m/g, "");
    return pre;
  };
  class OutputArea {
    constructor(options) { this.node = options.selector; this.element = { trigger: never }; this.outputs = []; this.keyboard_manager = keys; }
    clear_output() { this.node.replaceChildren(); }
    fromJSON(outputs) { this.outputs = outputs; this.node.replaceChildren(...outputs.map(shown)); }
    toJSON() { return this.outputs; }
    handle_output() {}
    handle_clear_output() {}
    create_output_subarea() { const part = document.createElement("div"); part.className = "output_subarea"; return [part]; }
  }
  OutputArea.prototype.register_mime_type = (kind, append) => { show = append; };

  // The kernel is gone: the manager asks it, is told that it has nothing, and takes the saved state.
  const kernel = {
    is_connected: () => true,
    comm_info: (target, done) => done({ content: { comms: {} } }),
    set_callbacks_for_msg: never, output_callback_overrides_push: never, output_callback_overrides_pop: never,
  };
  kernel.comm_manager = {
    kernel, register_target: never, register_comm: never,
    new_comm: (a, b, c, d, e, f) => Promise.reject(new Error("no kernel")),
  };
  let restored;
  const ready = new Promise((resolve) => { restored = resolve; });
  const notebook = {
    kernel, events, keyboard_manager: keys, container: events, render_cell_output: never,
    metadata: { widgets: { "application/vnd.jupyter.widget-state+json": saved.state } },
    get_cells: () => { restored(); return []; },
  };
  window.Jupyter = {
    version: "6.5.7", notebook,
    notification_area: { widget: () => ({}) },
    menubar: { actions: { register: never, get: () => ({ handler: never }) } },
  };
  const modules = {
    "base/js/namespace": window.Jupyter, "base/js/events": events, "notebook/js/outputarea": { OutputArea },
    "services/kernels/comm": { Comm: class {} },
  };
  const requirejs = (names, done, failed) => {
    const missing = names.find((name) => !(name in modules));
    if (missing === undefined) done(...names.map((name) => modules[name]));
    else if (failed) failed(new Error(`${missing} is not here; open the notebook to see it`));
  };
  requirejs.config = never;
  window.requirejs = window.require = requirejs;
  window.define = (needs, make) => { window.widgets = make({ uri: "/-/lib/widgets.js" }); };
  window.define.amd = {};

  window.showWidgets = () => {
    window.widgets.load_ipython_extension().then(() => ready).then(() => {
      const manager = kernel.widget_manager;
      if (!manager.has_model(saved.model_id)) throw new Error("their code is not here; open the notebook to see them");
      const area = new OutputArea({ selector: fenced.place });
      return manager.get_model(saved.model_id).then(() => {
        show.call(area, { model_id: saved.model_id }, {}, { append: (parts) => fenced.place.append(parts[0]) });
        fenced.drawn();
      });
    }).catch(fail);
  };
})();
