// The scatter plot with its frontier.
const units = [...(data.systems ? [["systems", "means over training seeds"]] : []), ["candidates", "every candidate"]];
const byUnit = byId("by-unit") ? select("by-unit", units, units[0][0], () => draw()) : { value: "candidates" };
const points = () => data[byUnit.value];
const best = () => data.chosen[byUnit.value];  // what the answer names
const base = () => (byUnit.value === "systems" ? data.analysis.baseline : data.baseline);
const distinct = (trait) => [...new Set(points().map((c) => c[trait]))];
const axes = data.objectives.map((o) => [o.name, o.title]);
const traits = [["arm", "arm"], ["stage", "stage"], ["runtime", "runtime"], ["seed", "seed"]];
const axisX = select("axis-x", axes, data.x, () => draw());
const axisY = select("axis-y", axes, data.y, () => draw());
// The first trait that tells points apart in no more values than there are colours or shapes.
const telling = (most, order, taken) => order.find((t) => t !== taken && distinct(t).length > 1 && distinct(t).length <= most);
const byColour = select("by-colour", traits, telling(8, ["arm", "stage", "runtime"]) || "arm", () => draw());
const byShape = select("by-shape", traits, telling(6, ["runtime", "stage", "arm", "seed"], byColour.value) || "runtime", () => draw());
const CROWD = 30;  // points from which on the crosses of dominated ones hide more than they tell
const byBars = select("by-bars", [["all", "of all points"], ["front", "of the frontier"], ["none", "none"]],
  data.candidates.length > CROWD ? "front" : "all", () => draw());

// What is shown of a point: as it came, or with the score over the chosen tasks and languages.
const view = (i) => {
  const c = points()[i];
  if (!filtered()) return c;
  const own = (c.members || [i]).map(scoreOf), home = (points()[base()].members || [base()]).map(scoreOf);
  const score = own.includes(null) ? null : mean(own), there = home.includes(null) ? null : mean(home);
  const { score: _, ...bars } = c.bars;
  return {
    ...c, bars, on: undefined, beyond: undefined, range: undefined,
    values: { ...c.values, score },
    text: { ...c.text, score: score === null ? "–" : `${score.toFixed(1)} %` },
    gain: score === null || there === null ? "–" : signed(score - there),
  };
};
const costOf = (ox, oy) => (ox.name === "score" ? oy.name : oy.name === "score" ? ox.name : null);
const chance = (c, cost) => (c.on && cost !== null && c.on[cost] !== undefined ? c.on[cost] : null);
const describe = (c) => [c.name, ...data.objectives.map((o) => `${o.title} ${c.text[o.name]}`)].join(", ");

const showTip = (i, x, y) => {
  const c = view(i), cost = costOf(objective[axisX.value], objective[axisY.value]);
  tip.replaceChildren(element("b", { class: "name", dir: "auto" }, c.name + (i === base() ? " (baseline)" : "")));
  const table = element("table");
  for (const o of data.objectives) {
    const row = element("tr"), bar = c.bars[o.name];
    const versus = i === base() ? "" : o.name !== "score" ? c.versus[o.name] || ""
      : `${c.gain} points` + (c.range ? ` (${c.range[0]} to ${c.range[1]})` : "");
    const spread = bar && o.name !== "score" ? ` (${short(bar[0], o.unit)} to ${short(bar[1], o.unit)})`
      : bar && !c.range ? ` ± ${((bar[1] - bar[0]) / 2).toFixed(1)}` : "";
    row.append(element("td", {}, o.title), element("td", {}, c.text[o.name] + spread), element("td", {}, versus));
    table.append(row);
  }
  tip.append(table);
  if (i !== base() && data.objectives.some((o) => c.versus[o.name] && o.role === "cost")) tip.append(element("div", { class: "chance" }, `Costs beside ${c.against}.`));
  const p = chance(c, cost);
  if (p !== null) tip.append(element("div", { class: "chance" }, `On this frontier in ${p} % of the draws; ${c.beyond[cost]} % where only leads beyond noise count.`));
  if (c.failed) tip.append(element("div", {}, `${c.failed} failed: see the table of failures`));
  tip.hidden = false;
  const box = chart.getBoundingClientRect(), k = box.width / chart.viewBox.baseVal.width;
  const width = tip.offsetWidth, height = tip.offsetHeight;
  tip.style.left = `${x * k + 16 + width > box.width ? Math.max(0, x * k - width - 16) : x * k + 16}px`;
  tip.style.top = `${Math.max(0, Math.min(y * k - height / 2, box.height - height))}px`;
};
const hideTip = () => { tip.hidden = true; };
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });

const notes = (absent) => {
  const said = [];
  if (filtered()) {
    const names = (all, picked, name) => (picked.size === all.length ? `all ${all.length}` : `${picked.size} of ${all.length}` + (picked.size && picked.size <= 6 ? ` (${[...picked].map(name).join(", ")})` : ""));
    said.push(`Scores and frontier over ${names(taskChoices, chosen.tasks, (t) => data.tasks[t].name)} tasks and ${names(withData, chosen.languages, (l) => data.languages[l][1])} languages, as means over languages, then over tasks; costs stay those of the whole set.`);
    said.push(data.analysis ? "The intervals of the score and the frontier probabilities are of the whole set and are hidden while a filter is on." : "The intervals of the score are of the whole set and are hidden while a filter is on.");
  }
  if (absent.length) said.push(`Not drawn, for want of a value: ${absent.map((i) => points()[i].name).join(", ")}.`);
  byId("chart-note").textContent = said.join(" ");
};

const draw = () => {
  hideTip();
  const ox = objective[axisX.value], oy = objective[axisY.value], cost = costOf(ox, oy);
  const width = Math.round(Math.min(1200, Math.max(480, chart.clientWidth)));  // text keeps its size
  chart.setAttribute("viewBox", `0 0 ${width} 460`);
  const left = 78, right = width - 22, top = 16, bottom = 398;
  const shown = points().map((_, i) => view(i));
  const value = (i, o) => shown[i].values[o.name];
  const drawn = [], absent = [];
  shown.forEach((_, i) => (value(i, ox) === null || value(i, oy) === null ? absent : drawn).push(i));
  chart.replaceChildren();
  notes(absent);
  if (!drawn.length) {
    chart.append(svg("text", { x: width / 2, y: 220, "text-anchor": "middle" }, filtered() ? "No candidate has both values for this choice." : "No candidate has both values."));
    byId("legend").replaceChildren();
    return;
  }
  const front = ox === oy ? [] : !filtered() && byUnit.value === "candidates" ? data.frontiers[`${ox.name}|${oy.name}`] || []
    : nondominated(drawn.map((i) => [i, value(i, ox), value(i, oy)]), ox, oy);
  const isFront = new Set(front);
  const probable = (i) => chance(shown[i], cost);
  const marked = (i) => isFront.has(i) || i === base();
  const whole = (i) => byBars.value === "all" || (byBars.value === "front" && (marked(i) || (probable(i) || 0) >= 50));
  const bar = (i, o) => (whole(i) ? shown[i].bars[o.name] : undefined);
  const span = (o) => drawn.flatMap((i) => [value(i, o), ...(bar(i, o) || [])]);
  const sx = scale(ox, span(ox), left, right), sy = scale(oy, span(oy), bottom, top);
  for (const v of sx.ticks) {
    const x = sx.place(v);
    chart.append(svg("line", { class: "grid", x1: x, x2: x, y1: top, y2: bottom }),
      svg("text", { x, y: bottom + 20, "text-anchor": "middle" }, short(v, ox.unit)));
  }
  for (const v of sy.ticks) {
    const y = sy.place(v);
    chart.append(svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
      svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, short(v, oy.unit)));
  }
  const better = (o, low, high) => (o.sense === "max" ? high : low);
  const part = (o) => (o.name === "score" && filtered() ? " of the choice" : "");
  const name = (o, s) => o.title + part(o) + (o.unit === "percent" ? ", %" : "") + (s.log ? ", log scale" : "");
  chart.append(
    svg("text", { class: "axis-title", x: (left + right) / 2, y: bottom + 48, "text-anchor": "middle" }, `${name(ox, sx)}   (better ${better(ox, "←", "→")})`),
    svg("text", { class: "axis-title", transform: `translate(18 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, `${name(oy, sy)}   (better ${better(oy, "←", "→")})`),
  );

  const at = new Map(drawn.map((i) => [i, [sx.place(value(i, ox)), sy.place(value(i, oy))]]));
  if (front.length) {  // from the best x on: first sideways at the old y, then to the better y
    const worstX = ox.sense === "max" ? left : right, worstY = oy.sense === "max" ? bottom : top;
    let path = `M${at.get(front[0])[0]} ${worstY}`;
    for (const i of front) path += `H${at.get(i)[0]}V${at.get(i)[1]}`;
    chart.append(svg("path", { class: "front", d: path + `H${worstX}` }));
  }
  const colours = distinct(byColour.value), shapes = distinct(byShape.value);
  const colour = (c) => `c${colours.indexOf(c[byColour.value]) % 8}`;
  const faded = (i) => (marked(i) || (probable(i) || 0) >= 50 ? "" : " dominated");
  const order = [...drawn].sort((a, b) => (a === base()) - (b === base()) || isFront.has(a) - isFront.has(b) || a - b);
  for (const i of order) {  // crosses below every point
    const [x, y] = at.get(i), kind = `whisker line ${colour(shown[i])}${faded(i)}`, across = bar(i, ox), up = bar(i, oy);
    if (across) chart.append(svg("line", { class: kind, y1: y, y2: y, x1: sx.place(across[0]), x2: sx.place(across[1]) }));
    if (up) chart.append(svg("line", { class: kind, x1: x, x2: x, y1: sy.place(up[0]), y2: sy.place(up[1]) }));
  }
  for (const i of order) {
    const c = shown[i], [x, y] = at.get(i), p = probable(i);
    if (i === base()) chart.append(svg("circle", { class: "ring", cx: x, cy: y, r: 14 }));
    const mark = svg("path", {
      class: `point fill ${colour(c)}${p === null ? faded(i) : ""}${i === best() ? " chosen" : ""}`, d: SHAPES[shapes.indexOf(c[byShape.value]) % SHAPES.length](x, y, radius(p)),
      tabindex: 0, role: "img", "data-candidate": i,
      "aria-label": describe(c) + (isFront.has(i) ? ", on the frontier" : ", dominated") + (p === null ? "" : `, frontier probability ${p} %`) + (i === base() ? ", baseline" : "") + (i === best() ? ", the one to deploy" : ""),
    });
    if (p !== null) mark.setAttribute("fill-opacity", strength(p));
    for (const event of ["mouseenter", "focus", "click"]) mark.addEventListener(event, () => showTip(i, x, y));
    for (const event of ["mouseleave", "blur"]) mark.addEventListener(event, hideTip);
    chart.append(mark);
  }
  label([...new Set([base(), best(), ...front])].filter((i) => at.has(i)), at, { left, right, top, bottom });
  legend(colours, shapes, drawn.some((i) => probable(i) !== null));
};

// Area and strength of a mark by its frontier probability in percent; without one it is as before.
const radius = (p) => (p === null ? 8 : Math.sqrt(22 + 68 * (p / 100)));
const strength = (p) => (0.3 + 0.7 * (p / 100)).toFixed(2);

const legend = (colours, shapes, probable) => {
  byId("legend").replaceChildren(
    ...colours.map((v, n) => key(icon(svg("path", { class: `fill c${n % 8}`, d: SHAPES[0](9, 9, 7) })), `${byColour.value} ${v}`)),
    ...(colours.length > 8 ? [element("span", { class: "key" }, "(colours repeat: hover to tell)")] : []),
    ...(shapes.length < 2 ? [] : shapes).map((v, n) => key(icon(svg("path", { class: "ink", d: SHAPES[n % SHAPES.length](9, 9, 6.5) })), `${byShape.value} ${v}`)),
    ...(probable ? [0, 50, 100].map((p) => key(icon(svg("path", { class: "ink", "fill-opacity": strength(p), d: SHAPES[0](9, 9, radius(p) * 0.88) })), p ? `${p} %` : "on the frontier in 0 %")) : []),
  );
};
