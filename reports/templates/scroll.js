// ---- what is wider than its place says so, and fades where it goes on
for (const place of document.querySelectorAll(".scroll")) {
  const hint = element("p", { class: "scroll-hint", "aria-hidden": "true" }, "scroll sideways for more →");
  place.before(hint);
  const told = () => {
    const wide = place.scrollWidth > place.clientWidth + 1;
    hint.classList.toggle("shown", wide);
    place.classList.toggle("goes-on", wide && place.scrollLeft + place.clientWidth < place.scrollWidth - 1);
  };
  place.addEventListener("scroll", told, { passive: true });
  new ResizeObserver(told).observe(place);
}
