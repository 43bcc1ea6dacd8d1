"use strict";
/* A pointer over a chart, or the arrow keys on it, choose a place: a line marks it, and its values stand
   below the chart. */
for (const plot of document.querySelectorAll(".plot")) {
  const columns = [...plot.querySelectorAll(".column")];
  const cursor = plot.querySelector(".cursor");
  const readout = plot.parentElement.querySelector(".readout");
  let chosen = -1;
  const words = columns.map((column) => {
    const title = column.querySelector("title");
    const told = title.textContent.split("\n");
    title.remove();
    return told;
  });
  const choose = (index) => {
    chosen = Math.max(0, Math.min(columns.length - 1, index));
    const at = columns[chosen].dataset.at;
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.classList.add("chosen");
    readout.replaceChildren(...words[chosen].map((line) => {
      const span = document.createElement("span");
      span.textContent = line;
      return span;
    }));
  };
  columns.forEach((column, index) => {
    column.addEventListener("pointerenter", () => choose(index));
    column.addEventListener("click", () => choose(index));
  });
  plot.addEventListener("keydown", (event) => {
    const to = {
      ArrowRight: chosen + 1,
      ArrowLeft: chosen - 1,
      PageDown: chosen + 10,
      PageUp: chosen - 10,
      Home: 0,
      End: columns.length - 1,
    }[event.key];
    if (to !== undefined && columns.length > 0) {
      event.preventDefault();
      choose(to);
    }
  });
}
