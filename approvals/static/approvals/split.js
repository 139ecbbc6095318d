// A queue's list on the left and the open review on the right, where the window is wide enough.
// Elsewhere, and without this script, a link of the list opens the review's page.
(() => {
  "use strict";

  const split = document.getElementById("split");
  const pane = document.getElementById("pane");
  const wide = window.matchMedia("(min-width: 1200px)");
  const REVIEW = /^\/reviews\/([0-9a-f-]{36})\/$/;
  if (!split || !pane || !window.htmx) return;

  const idOf = (link) => REVIEW.exec(link.pathname)?.[1];
  const links = () => [...split.querySelectorAll(".split-list .line-what a")];
  const here = (id) => {
    const url = new URL(location.href);
    if (id) url.searchParams.set("open", id);
    else url.searchParams.delete("open");
    return url;
  };

  const title = () => pane.querySelector(".review-title > :first-child");
  const mark = (id) => {
    for (const link of links()) link.ariaCurrent = idOf(link) === id ? "true" : null;
    return links().findIndex((link) => idOf(link) === id);
  };

  let wanted = "";
  const show = async (id, address) => {
    if (wanted === id && title()) return (pane.querySelector(".signing-word") ?? title()).focus();
    wanted = id;
    const at = mark(id);
    const url = new URL(address, location.href);
    url.searchParams.set("split", "1");
    split.dataset.open = "";
    pane.inert = true; // no key may act on the review that was open before
    await window.htmx.ajax("GET", url.pathname + url.search, { target: "#pane", swap: "innerHTML" });
    if (wanted !== id) return;
    pane.inert = false;
    const heading = title();
    document.dispatchEvent(new Event("pane"));
    if (!heading) return;
    if (!pane.contains(document.activeElement)) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
    split.scrollIntoView({ block: "start" });
    links()[at]?.scrollIntoView({ block: "nearest" });
    const place = at < 0 ? "" : `, ${at + 1} of ${links().length}`;
    document.getElementById("announce").textContent = heading.textContent + place;
  };

  const close = () => {
    const id = wanted;
    wanted = "";
    pane.inert = false;
    delete split.dataset.open;
    pane.replaceChildren();
    document.dispatchEvent(new Event("pane"));
    mark("");
    links().find((link) => idOf(link) === id)?.focus();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const aside = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || !split.contains(link) || aside || event.defaultPrevented || !wide.matches) return;
    const id = idOf(link);
    if ("paneClose" in link.dataset) {
      event.preventDefault();
      history.pushState(null, "", here(""));
      close();
    } else if (id && !link.hash && !("paneWhole" in link.dataset) && !("copy" in link.dataset) && !link.hasAttribute("hx-get")) {
      event.preventDefault();
      history.pushState(null, "", here(id));
      show(id, link.href);
    }
  });

  const follow = () => {
    const id = new URL(location.href).searchParams.get("open");
    const link = links().find((one) => idOf(one) === id) ?? pane.querySelector(`[data-opened="${CSS.escape(id ?? "")}"]`);
    if (!id) close();
    else show(id, link?.href ?? `/reviews/${encodeURIComponent(id)}/`);
  };
  window.addEventListener("popstate", follow);

  const opened = pane.querySelector("[data-opened]");
  if (opened && wide.matches) follow();
  else if (opened) location.replace(opened.href);
})();
