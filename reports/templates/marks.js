// Marks that tell candidates apart without colour.
const SHAPES = [
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (x, y, r) => `M${x - r * 0.9} ${y - r * 0.9}h${1.8 * r}v${1.8 * r}h${-1.8 * r}z`,
  (x, y, r) => `M${x} ${y - 1.2 * r}l${1.15 * r} ${2.1 * r}h${-2.3 * r}z`,
  (x, y, r) => `M${x} ${y - 1.3 * r}l${1.3 * r} ${1.3 * r}l${-1.3 * r} ${1.3 * r}l${-1.3 * r} ${-1.3 * r}z`,
  (x, y, r) => `M${x} ${y + 1.2 * r}l${1.15 * r} ${-2.1 * r}h${-2.3 * r}z`,
  (x, y, r) => { const a = r * 0.45, b = 1.2 * r; return `M${x - a} ${y - b}h${2 * a}v${b - a}h${b - a}v${2 * a}h${a - b}v${b - a}h${-2 * a}v${a - b}h${a - b}v${-2 * a}h${b - a}z`; },
];

// A legend's entry: a mark and a text of unknown origin.
const key = (mark, text) => {
  const made = element("span", { class: "key" });
  made.append(mark, element("bdi", {}, text));
  return made;
};
const icon = (...marks) => {
  const made = svg("svg", { width: 18, height: 18, "aria-hidden": "true" });
  made.append(...marks);
  return made;
};
// A plot in a table cell: children of an svg that is stretched to the cell's width.
const strip = (height, label, ...marks) => {
  const made = svg("svg", { class: "strip", viewBox: `0 0 1000 ${height}`, height, preserveAspectRatio: "none", role: "img", "aria-label": label });
  made.append(...marks);
  return made;
};
const named = (text) => element("bdi", { class: "name" }, text);
const signed = (v) => { const t = Math.abs(v).toFixed(1); return t === "0.0" ? t : (v > 0 ? "+" : MINUS) + t; };
