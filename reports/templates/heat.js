// ---- the heat map
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const LOSS = [196, 78, 0], GAIN = [0, 100, 168];
const mix = (a, b, t) => a.map((v, n) => Math.round(v + (b[n] - v) * t));
const ramp = (stops, t) => { const p = Math.min(Math.max(t, 0), 1) * (stops.length - 1), n = Math.min(Math.floor(p), stops.length - 2); return mix(stops[n], stops[n + 1], p - n); };
const css = (rgb) => `rgb(${rgb.join(" ")})`;
const inkOn = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111" : "#fff");
const neutral = () => (matchMedia("(prefers-color-scheme: dark)").matches ? [43, 48, 53] : [244, 244, 241]);
const WHY = { missing: "no data for this language", none: "not a language of this task", failed: "failed", unmeasured: "not measured" };

const first = (data.frontiers[`${data.x}|${data.y}`] || []).find((i) => i !== data.baseline);
const start = first ?? data.candidates.findIndex((c, i) => i !== data.baseline);
const heatCandidate = select("heat-candidate", data.candidates.map((c, i) => [i, c.name]), Math.max(start, 0), () => heat());
const heatMode = byId("heat-mode");
heatMode.addEventListener("change", () => heat());

// [status, score, half-width, examples]; "none" where the task has no such language
const placeOf = new Map(data.places.map(([t, l], p) => [t * data.languages.length + l, p]));
const without = new Set(data.missing.map(([t, l]) => t * data.languages.length + l));
const cellOf = (who, t, l) => {
  const p = placeOf.get(t * data.languages.length + l);
  if (p === undefined) return [without.has(t * data.languages.length + l) ? "missing" : "none"];
  if (data.scores[who][p] === null) return [data.bad[who][p] || "unmeasured"];
  return ["ok", data.scores[who][p], data.halves[who][p], (data.examples[who] || data.examples[0])[p]];
};
const sure = (who, t, l) => ((data.analysis || {}).sure || {})[who]?.some(([task, code]) => task === data.tasks[t].name && code === data.languages[l][0]);

const heat = () => {
  const index = Number(heatCandidate.value), change = heatMode.value === "change";
  const cell = (who, t, l) => cellOf(who, t, l);
  const measure = (t, l) => {
    const mine = cell(index, t, l), base = cell(data.baseline, t, l);
    if (mine[0] !== "ok") return null;
    return change ? (base[0] === "ok" ? mine[1] - base[1] : null) : mine[1];
  };
  const all = data.tasks.map((_, t) => data.languages.map((_, l) => measure(t, l)));
  const known = all.flat().filter((v) => v !== null);
  const limit = Math.max(1, ...known.map(Math.abs));
  const colour = (v) => (change ? mix(neutral(), v < 0 ? LOSS : GAIN, Math.min(1, Math.abs(v) / limit)) : ramp(VIRIDIS, v / 100));
  const table = byId("heat-table");
  const head = element("tr");
  head.append(element("th", { scope: "col" }, "Task"), element("th", { scope: "col" }, "Mean"));
  data.languages.forEach(([code, name]) => {
    const th = element("th", { scope: "col" });
    th.append(element("span", {}, name === code ? code : `${name} (${code})`));
    head.append(th);
  });
  const thead = element("thead"), tbody = element("tbody");
  thead.append(head);
  data.tasks.forEach((task, t) => {
    const row = element("tr"), title = element("th", { scope: "row" }, task.name);
    title.append(element("span", { class: "sub" }, task.metric));
    row.append(title);
    const own = all[t].filter((v) => v !== null);
    const whole = data.languages.every((_, l) => all[t][l] !== null || ["none", "missing"].includes(cell(index, t, l)[0]));
    const mean = own.length && whole ? own.reduce((a, b) => a + b) / own.length : null;
    row.append(element("td", { class: "mean" }, mean === null ? "–" : change ? signed(mean) : mean.toFixed(1)));
    data.languages.forEach(([code, name], l) => {
      const v = all[t][l], mine = cell(index, t, l);
      const td = element("td");
      if (v === null) {
        const why = WHY[mine[0] === "ok" ? "unmeasured" : mine[0]] || mine[0];
        if (mine[0] !== "none") td.className = "hatched";
        td.textContent = mine[0] === "failed" ? "×" : "";
        td.title = `${name}, ${task.name}: ${why}`;
        td.setAttribute("aria-label", why);
      } else {
        const rgb = colour(v);
        td.style.backgroundColor = css(rgb);
        td.style.color = inkOn(rgb);
        td.textContent = change ? signed(v) : v.toFixed(0);
        const certain = change && index !== data.baseline && sure(index, t, l);
        if (certain) td.classList.add("certain");
        td.title = `${name}, ${task.name}: ${mine[1].toFixed(1)} %${mine[2] === null ? "" : ` ± ${mine[2].toFixed(1)}`}, ${mine[3]} examples${change ? `, ${signed(v)} points` : ""}${certain ? ", beyond doubt for all cells at once" : ""}`;
      }
      row.append(td);
    });
    tbody.append(row);
  });
  table.replaceChildren(thead, tbody);
  const swatch = element("span", { class: "swatch ramp" });
  swatch.style.background = `linear-gradient(to right, ${change ? [css(LOSS), css(neutral()), css(GAIN)] : VIRIDIS.map(css)})`;
  byId("heat-legend").replaceChildren(
    element("span", {}, change ? `${MINUS}${limit.toFixed(1)}` : "0 %"), swatch, element("span", {}, change ? `+${limit.toFixed(1)} points` : "100 %"),
    key(element("span", { class: "swatch hatched" }), "no data; × failed"),
    ...(change && data.analysis && !data.systems ? [key(element("span", { class: "swatch certain" }), "beyond doubt, all cells of the candidate at once (95 %)")] : []),
  );
  const note = byId("heat-note");
  if (!known.length) { note.textContent = "Nothing to show for this candidate."; return; }
  let low = [Infinity], lost = 0, won = 0;
  all.forEach((row, t) => row.forEach((v, l) => {
    if (v === null) return;
    if (v < low[0]) low = [v, t, l];
    if (sure(index, t, l)) { if (v < 0) lost++; else won++; }
  }));
  const told = data.analysis && data.analysis.sure[index];  // whether differences can be told from chance
  const where = `${data.languages[low[2]][1]} in ${data.tasks[low[1]].name}`;
  note.textContent = !change ? `Lowest: ${where}, ${low[0].toFixed(1)} %.`
    : index === data.baseline ? "This is the baseline."
    : (told ? `Of ${known.length} cells ${lost} lose and ${won} gain beyond doubt; what the others differ by may be chance. ` : "")
      + (signed(low[0])[0] === MINUS ? `Largest loss${told && !sure(index, low[1], low[2]) ? " as measured, within noise" : " as measured"}: ${where}, ${signed(low[0])} points.` : "None loses as much as 0.1 points.");
};

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => heat());
heat();
