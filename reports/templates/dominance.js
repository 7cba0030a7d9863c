// Who dominates whom: a table of shares, a map where a table would be too large, or one system's two lists.
if (byId("dominance")) {
  const box = byId("dominance"), figure = byId("dominance-figure"), said = byId("dominance-said");
  const cost = byId("certainty-cost");
  let own = null;

  const take = () => {
    const found = data.analysis.dominations[Number(cost.value)], n = found.systems.length;
    const bytes = Uint8Array.from(atob(found.shares), (c) => c.charCodeAt(0));
    const share = (a, b) => (bytes[a * n + b] === 255 ? null : bytes[a * n + b]);
    return { ...found, share, names: found.systems.map((place) => data.analysis.names[place]) };
  };
  const percent = (v) => (v === null ? "an unknown share" : `${v} %`);
  const words = (a, b) => [named(own.names[a]), ...(a === b
    ? [` is on the frontier in ${percent(own.membership[a])} of the draws.`]
    : [" dominates ", named(own.names[b]), ` in ${percent(own.share(a, b))} of the draws, and is dominated by it in ${percent(own.share(b, a))}.`])];
  const say = (a, b) => said.replaceChildren(...words(a, b));

  // Arrows move by one cell, page keys by ten rows, Home and End to the ends of a row.
  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -Infinity], End: [0, Infinity] };
  const walk = (node, count, at, go) => node.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(...at().map((v, n) => Math.min(count - 1, Math.max(0, v + step[n]))));
  });

  // The ends of a long name tell more than its middle.
  const title = (scope, name) => {
    const signs = [...name], most = scope === "col" ? 30 : 42, long = signs.length > most, made = element("th", { scope });
    made.append(named(long ? `${signs.slice(0, most / 3).join("")}…${signs.slice(1 - (2 * most) / 3).join("")}` : name));
    if (long) { made.title = name; made.setAttribute("aria-label", name); }
    return made;
  };
  // Ink that can be read: dark on the light end, light on the deep one; dark mode turns at another share.
  const shade = (node, v) => {
    node.style.setProperty("--share", `${v}%`);
    node.classList.add("shade", ...(v === 0 ? ["nought"] : v >= 67 ? ["deep"] : v >= 47 ? ["half"] : []));
  };

  const table = (shown) => {
    const made = element("table", { class: "dominance", role: "grid", "aria-label": `Row dominates column, percent of the draws, score against ${own.title}` });
    const head = element("tr"), thead = element("thead"), tbody = element("tbody");
    const across = shown.map((b) => title("col", own.names[b])), down = shown.map((a) => title("row", own.names[a]));
    head.append(element("th", { scope: "col" }, "Row dominates column, %"), ...across);
    thead.append(head);
    const cells = shown.map((a, r) => {
      const row = element("tr");
      if (own.systems[a] === data.analysis.baseline) down[r].append(" ", element("span", { class: "tag" }, "baseline"));
      const found = shown.map((b) => {
        const v = own.share(a, b), td = element("td", { tabindex: -1 }, a === b || v === null ? "–" : String(v));
        if (a === b) td.className = "self"; else if (v === null) td.className = "hatched"; else shade(td, v);
        return td;
      });
      row.append(down[r], ...found);
      tbody.append(row);
      return found;
    });
    made.append(thead, tbody);
    let at = [0, 1], lit = [];
    const light = (r, c) => {
      lit.forEach((th) => th.classList.remove("here"));
      lit = [down[r], across[c]];
      lit.forEach((th) => th.classList.add("here"));
      say(shown[r], shown[c]);
    };
    const onCell = (event, act) => { const td = event.target.closest("td"); if (td) act(td.parentNode.rowIndex - 1, td.cellIndex - 1); };
    cells[0][1].tabIndex = 0;
    made.addEventListener("focusin", (event) => onCell(event, (r, c) => {
      cells[at[0]][at[1]].tabIndex = -1;
      cells[r][c].tabIndex = 0;
      at = [r, c];
      light(r, c);
    }));
    made.addEventListener("mouseover", (event) => onCell(event, light));
    walk(made, shown.length, () => at, (r, c) => cells[r][c].focus());
    return scrolled(`Who dominates whom, score against ${own.title}`, made);
  };

  const map = (n) => {
    const made = svg("svg", { class: "map", viewBox: `0 0 ${n} ${n}`, tabindex: 0, role: "application", "aria-label": `Map of ${n} by ${n} systems: who dominates whom, score against ${own.title}. The arrow keys move, and the line below tells.` });
    const runs = new Map();  // share -> what has it, as one path: neighbours of a row that are alike are one piece
    for (let a = 0; a < n; a++) for (let b = 0, end; b < n; b = end) {
      const v = a === b ? "self" : own.share(a, b);
      for (end = b + 1; v !== "self" && end < n && end !== a && own.share(a, end) === v;) end++;
      runs.set(v, `${runs.get(v) || ""}M${b} ${a}h${end - b}v1h${b - end}z`);
    }
    for (const [v, d] of runs) {
      const path = svg("path", { d, class: v === "self" ? "self" : v === null ? "unknown" : "" });
      if (Number.isInteger(v)) shade(path, v);
      made.append(path);
    }
    const cross = [svg("rect", { class: "cross", x: 0, width: n, height: 1 }), svg("rect", { class: "cross", y: 0, width: 1, height: n })];
    let at = [0, 1];
    const go = (r, c) => {
      at = [r, c];
      cross[0].setAttribute("y", r);
      cross[1].setAttribute("x", c);
      if (!cross[0].isConnected) made.append(...cross);
      say(r, c);
    };
    made.addEventListener("focus", () => go(...at));
    made.addEventListener("pointermove", (event) => {
      const frame = made.getBoundingClientRect();
      const place = (v, from, length) => Math.min(n - 1, Math.max(0, Math.floor((n * (v - from)) / length)));
      go(place(event.clientY, frame.top, frame.height), place(event.clientX, frame.left, frame.width));
    });
    walk(made, n, () => at, go);
    return made;
  };

  const list = (heading, found) => {
    const made = element("table"), caption = element("caption"), thead = element("thead"), head = element("tr"), tbody = element("tbody");
    caption.append(...heading);
    head.append(element("th", { scope: "col" }, "System"), element("th", { scope: "col", class: "num" }, "% of draws"));
    thead.append(head);
    for (const [at, v] of found.filter(([, v]) => v !== 0).sort(([, v], [, w]) => (w ?? -1) - (v ?? -1))) {
      const row = element("tr"), th = element("th", { scope: "row" }), td = element("td", { class: "num" }, v === null ? "–" : String(v));
      const meter = svg("svg", { class: "meter", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" });
      meter.append(svg("rect", { class: "fill c0", width: v || 0, height: 6 }));
      th.append(named(own.names[at]));
      td.append(meter);
      row.append(th, td);
      tbody.append(row);
    }
    made.append(caption, ...(tbody.rows.length ? [thead, tbody] : []));
    return scrolled(caption.textContent, made);
  };
  const lists = (at) => {
    const others = own.names.map((_, n) => n).filter((n) => n !== at), sides = element("div", { class: "sides" }), sentence = element("p");
    const above = others.map((n) => [n, own.share(n, at)]), below = others.map((n) => [n, own.share(at, n)]);
    const count = (found) => { const k = found.filter(([, v]) => v !== 0).length; return k === 1 ? "one system" : k ? `${k} systems` : "none"; };
    sentence.append(...words(at, at));
    sides.append(list([named(own.names[at]), ` is dominated by ${count(above)}`], above), list([named(own.names[at]), ` dominates ${count(below)}`], below));
    return [sentence, sides];
  };
  const scrolled = (label, inside) => {
    const made = element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label });
    made.append(inside);
    return made;
  };

  const show = () => {
    const one = own.systems.indexOf(Number(view.value)), all = own.names.map((_, n) => n);
    byId("dominance-legend").hidden = said.hidden = one >= 0 || all.length < 2;
    said.textContent = "Point at a cell, or move through them with the arrow keys.";
    if (all.length < 2) figure.replaceChildren(element("p", {}, "Fewer than two systems have this cost."));
    else if (one >= 0) figure.replaceChildren(...lists(one));
    else figure.replaceChildren(view.value === "first" ? table(own.foremost) : own.foremost.length < all.length ? map(all.length) : table(all));
  };
  const view = select("dominance-view", [], "", () => show());
  // Nothing is unpacked or drawn before somebody looks.
  const open = () => {
    if (!box.open) return;
    own = take();
    const kept = view.value, n = own.names.length, first = own.foremost.length;
    const option = (value, text) => element("option", { value }, text), alone = element("optgroup", { label: "One system" });
    alone.append(...own.names.map((name, at) => option(own.systems[at], name)));
    view.replaceChildren(...(first < n ? [option("first", `${first} of ${n}: baseline, frontier, likeliest`), option("all", `all ${n} systems, as a map`)] : [option("all", `all ${n} systems`)]), alone);
    view.value = kept;
    if (view.selectedIndex < 0) view.selectedIndex = 0;
    byId("dominance-cost").textContent = own.title;
    show();
  };
  box.addEventListener("toggle", open);
  cost.addEventListener("change", open);
  open();
}
