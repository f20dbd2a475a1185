// Draws a Vega or Vega-Lite chart. Its expressions are interpreted, so nothing is made into code.
"use strict";
if (fenced.needs("vegaEmbed")) {
  const chart = fenced.data(), small = document.getElementById("data").textContent.length < 300000;
  const given = chart.options || {};
  const options = { renderer: small ? "svg" : "canvas", theme: given.theme, config: given.config, mode: chart.mode, ast: true, actions: false };
  const room = () => document.documentElement.clientWidth - 2;
  // A chart that is too wide is made narrower where its width is free, and smaller as a whole where it is not.
  const fit = (result) => {
    const shown = fenced.place.querySelector("svg, canvas"), view = result.view;
    const natural = shown ? Number(shown.getAttribute("width")) / (shown.tagName === "CANVAS" ? window.devicePixelRatio : 1) : 0;
    const over = natural - room();
    if (!(over > 0)) return null;
    const width = view.width() - over;
    if (width < 80) return null;
    return view.width(width).runAsync();
  };
  vegaEmbed(fenced.place, chart.spec, options)
    .then((result) => Promise.resolve(fit(result)))
    .then(fenced.drawn, (error) => fenced.failed(`This chart could not be drawn: ${error.message || error}`));
}
