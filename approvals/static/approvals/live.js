// Live updates: a stream of hints tells the page to look again at once, instead of in ten seconds.
(() => {
  "use strict";

  const state = document.getElementById("connection");
  const news = document.getElementById("news");
  const parts = () => document.querySelectorAll("#news, #pane-news");
  if (!state || !window.EventSource) return;

  const show = (text, name) => {
    if (state.dataset.state === name) return;
    state.dataset.state = name;
    state.textContent = text;
  };

  // Who else has the review of this page open.
  const part = () => document.getElementById("viewers");
  const showViewers = ({ names, more }) => {
    const viewers = part();
    if (!viewers) return;
    const all = more ? [...names, more === 1 ? "one other" : `${more} others`] : names;
    viewers.hidden = !all.length;
    if (!all.length) return;
    const listed = all.length > 1 ? `${all.slice(0, -1).join(", ")} and ${all.at(-1)}` : all[0];
    viewers.querySelector("span").textContent = `${listed} ${all.length > 1 ? "have" : "has"} this review open too.`;
  };

  // One request a second at most, and not all pages in the same moment.
  let asked = 0;
  let waiting = null;
  const lookAgain = () => {
    if (!news || waiting) return;
    const wait = Math.max(0, asked + 1000 - Date.now()) + Math.random() * 250;
    waiting = setTimeout(() => {
      waiting = null;
      asked = Date.now();
      for (const part of parts()) window.htmx.trigger(part, "live");
    }, wait);
  };

  // A hidden page holds no stream: a browser opens only six connections to a server.
  let source = null;
  let watched = "";
  const disconnect = () => {
    source?.close();
    source = null;
  };
  const connect = () => {
    if (source || document.hidden) return;
    watched = part()?.dataset.review ?? "";
    source = new EventSource(state.dataset.url + (watched ? `?review=${watched}` : ""));
    source.addEventListener("viewers", (event) => showViewers(JSON.parse(event.data)));
    source.addEventListener("open", () => show("Live", "live"));
    source.addEventListener("changed", (event) => {
      if (news && news.dataset.queue === event.data) lookAgain();
    });
    source.addEventListener("error", () => {
      showPolling();
      if (part()) part().hidden = true;
      if (source?.readyState !== EventSource.CLOSED) return; // it connects again by itself
      disconnect();
      setTimeout(connect, 60_000);
    });
  };

  const showPolling = () => {
    if (navigator.onLine) show("Updated every 10 s", "polling");
    else show("Offline", "offline");
  };

  // Another review is open beside the list, or none.
  document.addEventListener("pane", () => {
    if (watched === (part()?.dataset.review ?? "")) return;
    disconnect();
    connect();
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", connect);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return disconnect();
    connect();
    lookAgain();
  });
  window.addEventListener("offline", showPolling);
  window.addEventListener("online", showPolling);
  connect();
})();
