// Numbers in words, and axes.
// ---- numbers
const digits = (v) => (v === 0 ? "0" : v.toFixed(Math.min(9, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(v)))))).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""));
const short = (v, unit) => {
  const ladders = { bytes: [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [0, "B"]], J: [[1, "J"], [1e-3, "mJ"], [0, "µJ"]] };
  for (const [least, name] of ladders[unit] || []) {
    if (Math.abs(v) >= least) return digits(v / (least || (unit === "J" ? 1e-6 : 1))) + " " + name;
  }
  return digits(v) + (unit === "percent" ? "" : " " + unit);
};

// As reports.text.factor.
const WORDS = { ms: ["quicker", "slower"], bytes: ["smaller", "larger"] };
const factor = (v, unit) => {
  if (!(v > 0)) return "–";
  if (Math.abs(Math.log(v)) < 0.005) return "the same";
  const size = Math.max(v, 1 / v);
  return `${size.toFixed(size < 2 ? 2 : size < 10 ? 1 : 0)}× ${(WORDS[unit] || ["lower", "higher"])[v < 1 ? 0 : 1]}`;
};

// ---- scales
const ticksLinear = (low, high) => {
  const raw = (high - low) / 6, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return ticks;
};
const ticksLog = (low, high) => {
  const pick = (marks) => {
    const ticks = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
      for (const m of marks) { const v = m * 10 ** p; if (v >= low && v <= high) ticks.push(v); }
    return ticks;
  };
  let ticks = [];
  for (const marks of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]]) { ticks = pick(marks); if (ticks.length >= 4) return ticks; }
  return ticks.length >= 3 ? ticks : ticksLinear(low, high);
};
const scale = (o, values, from, to) => {
  const log = o.log && values.every((v) => v > 0);
  let low = Math.min(...values), high = Math.max(...values);
  if (log) { const pad = Math.max((high / low) ** 0.09, 1.03); low /= pad; high *= pad; }
  else { const pad = Math.max((high - low) * 0.1, Math.abs(high) * 0.01, 1e-9); low -= pad; high += pad; }
  const t = log ? Math.log : (v) => v;
  const place = (v) => from + ((t(v) - t(low)) / (t(high) - t(low))) * (to - from);
  return { place, ticks: log ? ticksLog(low, high) : ticksLinear(low, high), log };
};
