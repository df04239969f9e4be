// Hover over a point: its sentence, and the same sentence on the other maps. A click keeps it until the next.
"use strict";
for (const section of document.querySelectorAll(".maps")) {
  const sentences = JSON.parse(section.querySelector("script[type='application/json']").textContent);
  const shown = section.querySelector(".sentence");
  const usual = shown.textContent;
  let kept = null;
  const show = (number) => {
    for (const point of section.querySelectorAll("circle.on")) point.classList.remove("on");
    if (number === null) { shown.textContent = usual; shown.className = "sentence"; return; }
    for (const point of section.querySelectorAll(`circle[data-i="${number}"]`)) {
      point.classList.add("on");
      point.parentNode.appendChild(point);
    }
    const [label, text] = sentences[number];
    shown.textContent = `${label}: ${text}`;
    shown.className = "sentence shown";
  };
  const numberOf = (event) => (event.target.dataset && event.target.dataset.i) || null;
  section.addEventListener("mouseover", (event) => { if (numberOf(event)) show(numberOf(event)); });
  section.addEventListener("mouseout", (event) => { if (numberOf(event)) show(kept); });
  section.addEventListener("click", (event) => { kept = numberOf(event); show(kept); });
}
