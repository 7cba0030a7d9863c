// ---- tables that sort
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = element("button", { type: "button" });
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("thead th").forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numeric = column > 0;
      const keyed = [...body.rows].map((row) => [row.cells[column].dataset.v ?? "", row]);
      keyed.sort(([a], [b]) => {
        if (a === "" || b === "") return (a === "") - (b === "");  // no value: last either way
        const order = numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
        return up ? order : -order;
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
}
