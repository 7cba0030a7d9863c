// Of several tables of one kind one is shown at a time; on paper all are.
for (const node of document.querySelectorAll("select[data-panels]")) {
  const panels = [...document.querySelectorAll(`.panel[data-panel="${node.dataset.panels}"]`)];
  panels.forEach((panel, n) => node.append(element("option", { value: n }, panel.dataset.title)));
  const show = () => panels.forEach((panel, n) => panel.classList.toggle("unchosen", String(n) !== node.value));
  node.addEventListener("change", show);
  show();
}
