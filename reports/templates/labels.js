// Names beside their points, each at the first place where it covers nothing; otherwise none.
const label = (wanted, at, frame) => {
  const taken = [...at.values()].map(([x, y]) => [x - 11, y - 11, x + 11, y + 11]);
  for (const i of wanted) {
    const [x, y] = at.get(i), name = points()[i].name;
    const text = (name.length > 40 ? name.slice(0, 14) + "…" + name.slice(-25) : name) + (i === best() ? " (deploy)" : i === base() ? " (baseline)" : "");
    const node = svg("text", { class: "label" }, text);
    chart.append(node);
    const width = node.getComputedTextLength() || text.length * 7;
    const places = [[12, -13], [-12 - width, -13], [-width / 2, -20], [16, 4.5], [-16 - width, 4.5], [12, 22], [-12 - width, 22], [-width / 2, 31]];
    const free = places.map(([dx, dy]) => [x + dx, y + dy - 11, x + dx + width, y + dy + 4]).find((b) =>
      b[0] > frame.left && b[2] < frame.right && b[1] > frame.top && b[3] < frame.bottom
      && taken.every((t) => b[2] < t[0] || b[0] > t[2] || b[3] < t[1] || b[1] > t[3]));
    if (!free) { node.remove(); continue; }
    taken.push(free);
    node.setAttribute("x", free[0]);
    node.setAttribute("y", free[3] - 4);
  }
};

let drawnAt = chart.clientWidth;
addEventListener("resize", () => {
  if (Math.abs(chart.clientWidth - drawnAt) > 20) { drawnAt = chart.clientWidth; draw(); }
});
draw();
