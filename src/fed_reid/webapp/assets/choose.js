// Buttons in HTML of ours: what a button stands for goes to the server as an event.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { image, example, step } = button.dataset;
  trigger("click", { choice: Number(image ?? example ?? step) });
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  window.scrollTo({ top: 0, behavior: calm ? "auto" : "smooth" });
});
