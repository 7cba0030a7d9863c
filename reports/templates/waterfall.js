// From the baseline to one candidate: what every step, or group of steps, changed.
{
  const shown = data.objectives.filter((o) => o.name === "score" || o.sense === "min");
  const reached = Object.keys(data.ways).map(Number);
  const longest = reached.reduce((best, i) => (best === null || data.ways[i].length > data.ways[best].length ? i : best), null);
  const table = byId("waterfall-table"), note = byId("waterfall-note");
  const words = ([, added, removed, runtime], first) => {
    const cell = element("div");
    const add = (sign, text) => { const line = element("span", { class: "step" }); line.append(`${sign} `, element("bdi", {}, text)); cell.append(line); };
    if (first) add("", "baseline");
    added.forEach((text) => add("+", text));
    removed.forEach((text) => add(MINUS, text));
    if (runtime) add("→", `runtime ${runtime}`);
    return cell;
  };
  const change = (o, from, to) => (o.role === "quality" ? `${signed(to - from)} points` : factor(to / from, o.unit));
  // Half the interval of a quality: two whose intervals lie apart differ beyond noise (which asks for more than need be).
  const half = (o, c) => { const bar = c.bars[o.name]; return bar ? (bar[1] - bar[0]) / 2 : data.analysis ? 0 : Infinity; };
  const beyond = (o, one, other) => {
    const from = one.values[o.name], to = other.values[o.name];
    if (o.role === "quality") return Math.abs(to - from) > Math.max(0.05, half(o, one) + half(o, other));
    return o.floor !== null && from > 0 && Math.abs(Math.log(to / from)) > Math.max(0.005, Math.log(o.floor));
  };
  const verdict = (o, one, other) => (!beyond(o, one, other) ? "same" : (other.values[o.name] > one.values[o.name]) === (o.sense === "max") ? "better" : "worse");
  const SIGN = { better: "▲ ", worse: "▼ ", same: "" };
  // One cell: where the value came from, where it is, and the change between them.
  const cell = (o, place, before, after) => {
    const td = element("td", { class: "num" }), to = after.values[o.name], from = before ? before.values[o.name] : null;
    if (to === null) { td.textContent = "–"; return td; }
    const here = place(to), there = from === null ? here : place(from), kind = from === null ? "same" : verdict(o, before, after);
    const marks = from === null ? [] : [svg("rect", { class: `step-bar ${kind}`, x: Math.min(here, there), width: Math.max(Math.abs(here - there), 2), y: 3, height: 12 })];
    const text = from === null ? "" : `${SIGN[kind]}${change(o, from, to)}`;
    td.append(strip(18, `${o.title}: ${short(to, o.unit)}${text ? `, ${text}` : ""}`, ...marks, svg("rect", { class: "step-now", x: here - 3, width: 6, y: 0, height: 18 })),
      element("span", {}, o.unit === "percent" ? to.toFixed(1) : short(to, o.unit)), element("span", { class: "sub" }, text));
    return td;
  };
  const show = () => {
    const goal = Number(candidate.value), way = data.ways[goal] || [];
    const values = (o) => way.map(([i]) => data.candidates[i].values[o.name]);
    const columns = shown.filter((o) => values(o).some((v) => v !== null));
    const places = columns.map((o) => {
      const known = values(o).filter((v) => v !== null), high = Math.max(...known);
      const low = o.name === "score" ? Math.min(...known) : Math.min(0, ...known), pad = o.name === "score" ? Math.max((high - low) * 0.08, 0.05) : 0;
      return (v) => 20 + (960 * (v - low + pad)) / ((high - low + 2 * pad) || 1);
    });
    const head = element("tr"), body = element("tbody");
    head.append(element("th", { scope: "col" }, "Steps"), ...columns.map((o) => element("th", { scope: "col", class: "num" }, o.title + (o.unit === "percent" ? ", %" : ""))));
    way.forEach((stop, n) => {
      const row = element("tr"), title = element("th", { scope: "row" }), c = data.candidates[stop[0]];
      title.append(words(stop, n === 0));
      const sub = element("span", { class: "sub" });
      sub.append(named(c.name));
      title.append(sub);
      row.append(title);
      columns.forEach((o, k) => row.append(cell(o, places[k], n ? data.candidates[way[n - 1][0]] : null, c)));
      body.append(row);
    });
    if (way.length > 2) {
      const row = element("tr", { class: "total" }), first = data.candidates[way[0][0]], last = data.candidates[goal];
      row.append(element("th", { scope: "row" }, "Together"));
      for (const o of columns) {
        const from = first.values[o.name], to = last.values[o.name];
        row.append(element("td", { class: "num" }, from === null || to === null ? "–" : SIGN[verdict(o, first, last)] + change(o, from, to)));
      }
      body.append(row);
    }
    const thead = element("thead");
    thead.append(head);
    table.replaceChildren(thead, body);
    const merged = way.slice(1).filter(([, added]) => added.length > 1).length;
    note.textContent = way.length < 2 ? "This is the baseline." : [
      merged ? `${merged} of ${way.length - 1} lines hold several steps, since no variant between them was measured.` : "Every step has a line of its own.",
      way.slice(1).some(([, , removed]) => removed.length) ? `${MINUS} marks steps of the baseline that this candidate was made without.` : "",
      "Bars of the score start near its lowest value, those of costs at zero.",
    ].join(" ");
  };
  const candidate = select("waterfall-candidate", reached.map((i) => [i, data.candidates[i].name]), longest, () => show());
  if (reached.length) show();
  else note.textContent = "The baseline has no score, so there is nothing to start from.";
}
