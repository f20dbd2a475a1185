/* When a notebook is opened again while its cells still run, gives those cells their outputs back and keeps adding to them;
 * and saves what is open when the page around the frame asks for it, before it makes a version.
 *
 * The server's recorder (recorder.py) knows what runs and what it has said so far. Written by hand as a federated module, so
 * that nothing has to be built: the container below is what JupyterLab's loader expects to find. */
(() => {
  'use strict';
  const NAME = 'studium-session';
  let shared = {};

  /** A module that JupyterLab itself has loaded. */
  const module = async name => (await Object.values(shared[name])[0].get())();

  /** One cell whose execution was begun by an earlier page. */
  class Attached {
    constructor(cell, state) {
      this.model = cell.model;
      this.model.trusted = true;
      this.reset(state);
    }

    reset(state) {
      this.count = state.count;
      this.displays = new Map(Object.entries(state.displays));
      this.model.outputs.fromJSON(state.outputs);
      this.model.executionState = 'running';
    }

    /** Takes what the execution says; true when there is no more to come. */
    take(kind, content) {
      switch (kind) {
        case 'execute_input':
          this.count = content.execution_count;
          break;
        case 'clear_output':
          this.model.outputs.clear(content.wait);
          this.displays.clear();
          break;
        case 'update_display_data':
          this.update(content);
          break;
        case 'stream':
        case 'display_data':
        case 'execute_result':
        case 'error':
          this.add(kind, content);
          break;
        case 'status':
          if (content.execution_state === 'idle') return this.end();
          break;
        case 'replaced': // the cell was run again, and its page shows that
          return true;
      }
      return false;
    }

    add(type, content) {
      const { transient, ...output } = content;
      const length = this.model.outputs.add({ output_type: type, ...output });
      const id = transient && transient.display_id;
      if (id) this.displays.set(id, [...(this.displays.get(id) || []), length - 1]);
    }

    update({ data, metadata, transient }) {
      for (const index of this.displays.get(transient.display_id) || []) {
        if (index < this.model.outputs.length) this.model.outputs.set(index, { output_type: 'display_data', data, metadata });
      }
    }

    end() {
      this.model.executionState = 'idle';
      if (this.count !== null) this.model.executionCount = this.count;
      return true;
    }
  }

  /** Follows what runs of the notebook in this panel until it has ended or the panel is closed. */
  async function follow(panel, { ServerConnection }) {
    await Promise.all([panel.context.ready, panel.revealed]);
    const settings = ServerConnection.makeSettings();
    const ask = async after => {
      const query = new URLSearchParams({ path: panel.context.path, ...after });
      const answer = await ServerConnection.makeRequest(`${settings.baseUrl}studium/running?${query}`, {}, settings);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      return answer.json();
    };
    const running = new Map();
    const begin = states => {
      const current = new Set(states.map(state => state.request));
      for (const [request, attached] of running) {
        if (!current.has(request)) attached.end() && running.delete(request);
      }
      for (const state of states) {
        const cell = panel.content.widgets.find(each => each.model.id === state.cell && each.model.type === 'code');
        if (running.has(state.request)) running.get(state.request).reset(state);
        else if (cell) running.set(state.request, new Attached(cell, state));
      }
    };
    let news = await ask({});
    begin(news.cells);
    let failures = 0;
    while (running.size > 0 && !panel.isDisposed) {
      try {
        news = await ask({ after: news.sequence });
        failures = 0;
      } catch (error) {
        if (++failures > 30) throw error;
        await new Promise(resolve => setTimeout(resolve, 2000));
        continue;
      }
      if (panel.isDisposed) return;
      if (news.cells) begin(news.cells);
      for (const { request, kind, content } of news.events || []) {
        const attached = running.get(request);
        if (attached && attached.take(kind, content)) running.delete(request);
      }
    }
  }

  async function plugin() {
    const { INotebookTracker } = await module('@jupyterlab/notebook');
    const services = await module('@jupyterlab/services');
    const activate = (app, tracker) => {
      window.addEventListener('message', event => {
        const asked = event.source === window.parent && event.source !== window && event.data && event.data.studium === 'save';
        if (!asked) return;
        const told = () => event.source.postMessage({ studium: 'saved' }, event.origin);
        app.commands.execute('docmanager:save-all').then(told, told);
      });
      tracker.widgetAdded.connect((__, panel) => follow(panel, services).catch(error => console.warn(NAME, error)));
    };
    return { id: `${NAME}:plugin`, autoStart: true, requires: [INotebookTracker], activate };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: async scope => {
      shared = scope;
    },
    get: async () => {
      const found = await plugin();
      return () => ({ __esModule: true, default: found });
    }
  };
})();
