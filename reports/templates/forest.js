// What one system loses, language by language, with intervals and the answers that changed.
if (data.analysis) {
  const { names, drops, flips, baseline } = data.analysis;
  const word = Object.fromEntries(data.languages.map(([code, name, script, resources]) => [code, { name, script, resources }]));
  const about = (code) => word[code] || { name: code, script: "", resources: "" };
  const others = names.map((_, n) => n).filter((n) => n !== baseline);
  const start = others.reduce((worst, n) => {
    const most = Math.max(...Object.values(drops[n]).map(([v]) => v ?? -Infinity));
    return worst === null || most > worst[1] ? [n, most] : worst;
  }, null);
  const ORDERS = [["loss", "largest loss first"], ["name", "by name"], ["resources", "by pre-training text"], ["script", "by script"], ["changed", "most answers changed first"]];
  const RANK = ["high", "medium", "low", "unseen"];
  const changed = (n, code) => (flips && flips[n][code] && flips[n][code][0] ? flips[n][code].map((v) => (100 * v) / flips[n][code][0]) : null);
  const show = () => {
    const n = Number(system.value), table = byId("forest");
    const loss = (code) => drops[n][code][0] ?? -Infinity;
    const by = {
      loss: (a, b) => loss(b) - loss(a),
      name: (a, b) => (about(a).name < about(b).name ? -1 : 1),
      resources: (a, b) => RANK.indexOf(about(a).resources) - RANK.indexOf(about(b).resources) || loss(b) - loss(a),
      script: (a, b) => (about(a).script < about(b).script ? -1 : about(a).script > about(b).script ? 1 : loss(b) - loss(a)),
      changed: (a, b) => ((changed(n, b) || [])[1] || 0) - ((changed(n, a) || [])[1] || 0),
    };
    const codes = Object.keys(drops[n]).sort(by[order.value]);
    const ends = codes.flatMap((code) => drops[n][code].filter((v) => v !== null));
    const low = Math.min(0, ...ends), high = Math.max(0, ...ends), pad = (high - low) * 0.04 || 1;
    const place = (v) => (1000 * (v - low + pad)) / (high - low + 2 * pad);
    const head = element("tr"), body = element("tbody"), thead = element("thead");
    const titles = ["Language", "Script", "Pre-training text", `Points lost (scale from ${signed(low)} to ${signed(high)}, a line at 0)`, "Loss", ...(flips ? ["Answers changed", "Lost, %", "Won, %"] : [])];
    head.append(...titles.map((text, k) => element("th", { scope: "col", class: k >= 4 ? "num" : "" }, text)));
    thead.append(head);
    let sure = 0;
    for (const code of codes) {
      const [v, least, most] = drops[n][code], row = element("tr"), own = about(code), share = changed(n, code);
      row.append(element("th", { scope: "row" }, own.name === code ? code : `${own.name} (${code})`), element("td", {}, own.script || "–"), element("td", {}, RICHNESS[own.resources] || own.resources || "–"));
      const td = element("td", { class: "plot" }), text = element("td", { class: "num" });
      if (v !== null) {
        const kind = least > 0 ? "worse" : most < 0 ? "better" : "same";
        if (kind === "worse") sure++;
        const words = `${signed(v)}` + (least === null || most === null ? "" : ` (${signed(least)} to ${signed(most)})`);
        td.append(strip(16, `${own.name}: ${words} points lost`,
          svg("line", { class: "zero", x1: place(0), x2: place(0), y1: 0, y2: 16, "vector-effect": "non-scaling-stroke" }),
          ...(least === null || most === null ? [] : [svg("line", { class: `reach ${kind}`, x1: place(least), x2: place(most), y1: 8, y2: 8, "vector-effect": "non-scaling-stroke" })]),
          svg("rect", { class: `step-bar ${kind}`, x: place(v) - 4, width: 8, y: 3, height: 10 })));
        text.append(signed(v), element("span", { class: "sub" }, least === null || most === null ? "" : `${signed(least)} to ${signed(most)}`));
      } else text.textContent = "–";
      row.append(td, text);
      if (flips) for (const k of [1, 2, 3]) row.append(element("td", { class: "num" }, share ? `${share[k].toFixed(1)}${k === 1 ? " %" : ""}` : "–"));
      body.append(row);
    }
    table.replaceChildren(thead, body);
    byId("forest-note").textContent = sure
      ? `${sure} of ${codes.length} languages ${sure === 1 ? "loses" : "lose"} for certain: the interval of the loss, good for all languages at once, lies above zero.`
      : `None of ${codes.length} languages loses for certain: nowhere does the interval of the loss, good for all languages at once, lie above zero.`;
  };
  const system = select("forest-system", others.map((n) => [n, names[n]]), start ? start[0] : null, () => show());
  const order = select("forest-order", ORDERS.filter(([k]) => flips || k !== "changed"), "loss", () => show());
  if (others.length) show();
  else byId("forest-note").textContent = "There is nothing but the baseline.";
}
