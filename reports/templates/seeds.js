// Attainment over training seeds: what each arm's seeds reach, and where two arms differ.
if (data.analysis && data.analysis.attainment) {
  const found = data.analysis.attainment, costs = Object.keys(found).filter((name) => objective[name]);
  const WIDTH = 560, HEIGHT = 400, frame = { left: 56, right: 544, top: 12, bottom: 350 };
  const surfaces = byId("seeds-surfaces"), difference = byId("seeds-difference");
  const times = (octaves) => { const v = 2 ** octaves; return `${v >= 1 ? digits(v) : v.toPrecision(2).replace(/0+$/, "")}×`; };
  const scales = (cost) => {
    const corners = Object.values(found[cost].arms).flatMap((arm) => arm.surfaces.flat()).filter(([x, y]) => x !== null && y !== null);
    const side = (values, from, to) => {
      let low = Math.min(...values), high = Math.max(...values);
      const pad = Math.max((high - low) * 0.12, 0.05);
      low -= pad; high += pad;
      return { low, high, place: (v) => from + ((v - low) / (high - low)) * (to - from) };
    };
    return corners.length ? { x: side(corners.map((c) => c[0]), frame.left, frame.right), y: side(corners.map((c) => c[1]), frame.bottom, frame.top) } : null;
  };
  const axesOf = (chart, { x, y }, cost) => {
    chart.replaceChildren();
    for (const v of ticksLinear(x.low, x.high)) chart.append(svg("line", { class: "grid", x1: x.place(v), x2: x.place(v), y1: frame.top, y2: frame.bottom }), svg("text", { x: x.place(v), y: frame.bottom + 18, "text-anchor": "middle" }, times(v)));
    for (const v of ticksLinear(y.low, y.high)) chart.append(svg("line", { class: "grid", x1: frame.left, x2: frame.right, y1: y.place(v), y2: y.place(v) }), svg("text", { x: frame.left - 6, y: y.place(v) + 4, "text-anchor": "end" }, digits(v)));
    // octaves grow with cost whichever way the objective runs
    const title = objective[cost].sense === "max" ? `baseline’s ${objective[cost].title} over it` : `${objective[cost].title}, relative to the baseline`;
    chart.append(svg("text", { class: "axis-title", x: (frame.left + frame.right) / 2, y: frame.bottom + 40, "text-anchor": "middle" }, title));
    chart.append(svg("text", { class: "axis-title", transform: `translate(14 ${(frame.top + frame.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, "Score, %"));
  };
  const drawSurfaces = () => {
    const s = scales(cost.value), arms = Object.entries(found[cost.value].arms);
    if (!s) { surfaces.replaceChildren(); return; }
    axesOf(surfaces, s, cost.value);
    arms.forEach(([, arm], n) => arm.surfaces.forEach((corners, k) => {
      if (!corners.length) return;
      let path = `M${s.x.place(corners[0][0])} ${frame.bottom}`;
      for (const [x, y] of corners) path += `H${s.x.place(x)}V${s.y.place(y)}`;
      const line = svg("path", { class: `surface line c${n % 8}`, d: `${path}H${frame.right}`, "stroke-dasharray": k === 0 || arm.surfaces.length === 1 ? "none" : k === arm.surfaces.length - 1 ? "none" : "5 4", "stroke-width": k === arm.surfaces.length - 1 ? 3 : 1.3 });
      line.append(svg("title", {}, `${arms[n][0]}: reached by ${k + 1} of ${arm.surfaces.length} seeds`));
      surfaces.append(line);
    }));
    byId("seeds-legend").replaceChildren(
      ...arms.map(([name], n) => key(icon(svg("path", { class: `fill c${n % 8}`, d: SHAPES[1](9, 9, 6) })), `arm ${name}`)),
      element("span", { class: "key" }, "thick: every seed; thin: one seed; dashed: in between"),
    );
  };
  const drawDifference = () => {
    const s = scales(cost.value), one = found[cost.value].differences[Number(pair.value)], note = byId("seeds-note");
    if (!s || !one) {
      difference.replaceChildren();
      note.textContent = "No two arms have the same number of seeds, so none are compared.";
      return;
    }
    axesOf(difference, s, cost.value);
    const place = (arm) => Object.keys(found[cost.value].arms).indexOf(arm) % 8;  // in the arms' own colours
    const inside = (v, side) => Math.min(Math.max(v, side.low), side.high);
    let most = [0, 0];
    for (const [cheap, dear, low, high, share] of one.regions) {
      if (share === null) continue;
      const x0 = s.x.place(inside(cheap ?? s.x.low, s.x)), x1 = s.x.place(inside(dear ?? s.x.high, s.x));
      const y0 = s.y.place(inside(low ?? s.y.low, s.y)), y1 = s.y.place(inside(high ?? s.y.high, s.y));
      const box = svg("rect", { class: `region fill c${place(share > 0 ? one.b : one.a)}`, x: x0, width: Math.max(0, x1 - x0), y: y1, height: Math.max(0, y0 - y1), "fill-opacity": (0.15 + 0.75 * Math.abs(share)).toFixed(2) });
      box.append(svg("title", {}, `${signed(100 * share)} % of the seeds`));
      difference.append(box);
      most = [Math.min(most[0], share), Math.max(most[1], share)];
    }
    const entry = (arm, share) => key(icon(svg("path", { class: `fill c${place(arm)}`, d: SHAPES[1](9, 9, 6) })), `more seeds of ${arm} (by up to ${Math.round(100 * share)} %)`);
    note.replaceChildren(entry(one.a, -most[0]), " ", entry(one.b, most[1]), element("div", {}, "The stronger the colour, the larger the difference."));
  };
  const cost = select("seeds-cost", costs.map((name) => [name, objective[name].title]), costs.includes(data.x) ? data.x : costs[0], () => { pairs(); drawSurfaces(); drawDifference(); });
  const pair = select("seeds-pair", [], "", () => drawDifference());
  const pairs = () => pair.replaceChildren(...(found[cost.value] ? found[cost.value].differences : []).map((own, n) => element("option", { value: n }, `${own.b} against ${own.a}`)));
  if (costs.length) { pairs(); drawSurfaces(); drawDifference(); }
  else byId("seeds-note").textContent = "No cost was measured over the seeds.";
}
