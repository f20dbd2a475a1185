// Draws a plotly figure in the width there is.
"use strict";
if (fenced.needs("Plotly")) {
  const figure = fenced.data(), place = fenced.place;
  const layout = figure.layout && typeof figure.layout === "object" ? figure.layout : {};
  const fit = () => { if (!(layout.width <= place.clientWidth)) { delete layout.width; layout.autosize = true; } };
  fit();
  if (!layout.height) place.style.height = "100vh";
  const config = { ...(figure.config || {}), responsive: true, displaylogo: false };
  Plotly.newPlot(place, Array.isArray(figure.data) ? figure.data : [], layout, config)
    .then(() => (Array.isArray(figure.frames) && figure.frames.length ? Plotly.addFrames(place, figure.frames) : null))
    .then(fenced.drawn, (error) => fenced.failed(`This plot could not be drawn: ${error.message || error}`));
}
