// The page of an interactive output: what its data are, and how it says that it has drawn or cannot. The frame has no origin.
"use strict";
const fenced = {
  place: document.getElementById("output"),
  data: () => JSON.parse(document.getElementById("data").textContent),
  // Until then the page is clear, so that a picture under the frame shows.
  drawn: () => document.documentElement.classList.add("drawn"),
  failed: (words) => {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = words;
    document.body.append(note);
  },
  needs: (name) => {
    if (name in window) return true;
    fenced.failed("What draws this output is not installed here. An administrator can see why with: studium doctor");
    return false;
  },
};
