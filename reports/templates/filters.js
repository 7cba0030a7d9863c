// The choice of tasks and languages, and the scores that follow from it.
const placesOf = data.tasks.map(() => []);  // task -> [place among the cells, language]
data.places.forEach(([t, l], p) => placesOf[t].push([p, l]));
const withData = [...new Set(data.places.map(([, l]) => l))].sort((a, b) => a - b);
const taskChoices = data.tasks.map((_, t) => t).filter((t) => placesOf[t].length);
const chosen = { tasks: new Set(taskChoices), languages: new Set(withData) };
const filtered = () => chosen.tasks.size < taskChoices.length || chosen.languages.size < withData.length;

const uncounted = new Set(data.uncounted);  // what no uncompressed model has learnt

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
// The mean over languages, then over tasks, as in the report: null unless all that is chosen has a score.
const scoreOf = (candidate) => {
  const means = [];
  for (const t of chosen.tasks) {
    const own = placesOf[t].filter(([p, l]) => chosen.languages.has(l) && !uncounted.has(p)).map(([p]) => data.scores[candidate][p]);
    if (own.includes(null)) return null;
    if (own.length) means.push(mean(own));
  }
  return means.length ? mean(means) : null;
};

// The points that no other dominates, from the best in the first axis on; tied points all stay.
const nondominated = (values, ox, oy) => {  // values: [point, x, y]
  const sign = (o) => (o.sense === "max" ? -1 : 1);
  const rows = values.map(([i, x, y]) => [i, x * sign(ox), y * sign(oy)]).sort((a, b) => a[1] - b[1] || a[2] - b[2] || a[0] - b[0]);
  const found = [];
  let best = Infinity, bestX = NaN;
  for (const [i, x, y] of rows) {
    if (y < best || (y === best && x === bestX)) { found.push(i); best = y; bestX = x; }
  }
  return found;
};

const choices = (id, all, name, groups, picked) => {
  const details = byId(id), box = details.querySelector(".choices"), inputs = new Map();
  const show = () => {
    details.querySelector("summary span").textContent = picked.size === all.length ? `all ${all.length}` : `${picked.size} of ${all.length}`;
    for (const [value, input] of inputs) input.checked = picked.has(value);
    byId("filter-clear").hidden = !filtered();
  };
  const take = (values) => { picked.clear(); values.forEach((v) => picked.add(v)); show(); filterChanged(); };
  const quick = element("div", { class: "quick" });
  for (const [text, values] of groups) {
    const button = element("button", { type: "button" });
    button.append(element("bdi", {}, text));
    button.addEventListener("click", () => take(values));
    quick.append(button);
  }
  const list = element("div", { class: "checks" });
  for (const value of all) {
    const label = element("label", { class: "check" }), input = element("input", { type: "checkbox", "data-value": value });
    input.addEventListener("change", () => {
      picked[input.checked ? "add" : "delete"](value);
      show();
      filterChanged();
    });
    label.append(input, element("bdi", {}, name(value)));
    list.append(label);
    inputs.set(value, input);
  }
  box.append(quick, list);
  show();
  return { show, all: () => take(all) };
};

const filterChanged = () => draw();
const grouped = (column, words) => {
  const names = [...new Set(withData.map((l) => data.languages[l][column]).filter(Boolean))];
  return (names.length > 1 ? names.sort() : []).map((n) => [words(n), withData.filter((l) => data.languages[l][column] === n)]);
};
const RICHNESS = { high: "rich in text", medium: "middling", low: "poor in text", unseen: "unseen in pre-training" };
const taskFilter = choices("filter-tasks", taskChoices, (t) => data.tasks[t].name, [["all", taskChoices], ["none", []]], chosen.tasks);
const languageFilter = choices("filter-languages", withData, (l) => `${data.languages[l][1]} (${data.languages[l][0]})`, [
  ["all", withData], ["none", []], ...grouped(3, (n) => RICHNESS[n] || n), ...grouped(2, (n) => n),
], chosen.languages);
byId("filter-clear").addEventListener("click", () => {
  taskFilter.all();
  languageFilter.all();
  byId("filter-languages").querySelector("summary").focus();
});
