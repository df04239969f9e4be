// A click on the map tells where, in fractions of its width and height from the upper left corner, and on which
// sentence, if on one. Hovering over a point shows its sentence. The map is drawn anew after every click: listen above.
const mapOf = () => element.querySelector(".map svg");
element.addEventListener("click", (event) => {
  const map = mapOf();
  if (!map || !map.contains(event.target)) return;
  const box = map.getBoundingClientRect();
  const sentence = event.target.dataset.i;
  trigger("click", {
    x: (event.clientX - box.left) / box.width,
    y: (event.clientY - box.top) / box.height,
    sentence: sentence === undefined ? null : Number(sentence),
  });
});
element.addEventListener("mouseover", (event) => {
  const shown = element.querySelector(".hover");
  const text = event.target.dataset && event.target.dataset.t;
  if (shown && text) shown.textContent = text;
});
