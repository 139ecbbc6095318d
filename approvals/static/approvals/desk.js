// The desk's script: relative times, countdowns, focus and keys. Every page works without it.
(() => {
  "use strict";

  // Times are relative to the server's clock: the clock of this computer may be wrong.
  const serverTime = document.documentElement.dataset.now;
  const skew = serverTime ? Date.parse(serverTime) - Date.now() : 0;
  const now = () => Date.now() + skew;

  const span = (milliseconds) => {
    const seconds = Math.abs(Math.trunc(milliseconds / 1000));
    for (const [from, unit, name] of [[172800, 86400, "d"], [5400, 3600, "h"], [90, 60, "min"]]) {
      if (seconds >= from) return `${Math.round(seconds / unit)} ${name}`;
    }
    return `${seconds} s`;
  };

  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const updateTimes = () => {
    for (const time of document.querySelectorAll("time[data-moment]")) {
      const left = Date.parse(time.dateTime) - now();
      write(time, left > 0 ? `in ${span(left)}` : `${span(left)} ago`);
    }
    for (const time of document.querySelectorAll("time[data-age], time[data-left]")) {
      const length = Date.parse(time.dateTime) - now();
      write(time, "left" in time.dataset && length < 0 ? "0 s" : span(length));
    }
  };

  const updateCountdowns = () => {
    for (const counter of document.querySelectorAll("[data-countdown]")) {
      const left = Math.ceil((Date.parse(counter.dataset.countdown) - now()) / 1000);
      write(counter, `${Math.max(0, left)} s`);
      if (left <= 0) counter.closest("form").hidden = true; // what can no longer be undone has no button
    }
  };

  // Scrolls a drawing that is wider than its frame to the path that was taken.
  const showPath = () => {
    for (const frame of document.querySelectorAll(".graph")) {
      const mark = frame.querySelector("[data-here]") ?? frame.querySelector(".mark-taken");
      if (!mark || frame.scrollLeft) continue;
      const [seen, whole] = [mark.getBoundingClientRect(), frame.getBoundingClientRect()];
      frame.scrollLeft = seen.left + seen.width / 2 - whole.left - whole.width / 2;
    }
  };

  // Once one's claim has run out, the button of an open form claims the review again before it decides.
  const claimAgain = (over) => {
    const label = document.querySelector("#decide [data-again]");
    const button = label?.closest("button");
    if (!button || over === (button.name === "claim_again")) return;
    [button.name, button.value] = over ? ["claim_again", "yes"] : ["", ""];
    label.dataset.first ??= label.textContent;
    write(label, over ? label.dataset.again : label.dataset.first);
  };

  // What is over while a form is open: the buttons go, what was typed stays.
  const updateLimits = () => {
    for (const form of document.querySelectorAll("form[data-deadline]")) {
      if (Date.parse(form.dataset.deadline) > now()) continue;
      form.querySelector("[data-passed]").hidden = false;
      form.querySelector("button[type=submit]")?.setAttribute("hidden", "");
    }
    const lease = document.getElementById("lease");
    if (!lease?.dataset.lease) return;
    const over = Date.parse(lease.dataset.lease) <= now();
    lease.querySelector("[data-over]").hidden = !over;
    lease.querySelector("[data-runs]").hidden = over;
    lease.querySelector("button").hidden = over;
    claimAgain(over);
  };

  // A claim is extended while its holder is active, once half of it is over.
  let asked = 0;
  const stayActive = () => {
    const lease = document.getElementById("lease");
    if (!lease?.dataset.lease || Date.now() - asked < 5_000) return;
    const left = Date.parse(lease.dataset.lease) - now();
    if (left <= 0 || left > lease.dataset.seconds * 500) return;
    asked = Date.now();
    htmx.trigger(lease, "active");
  };
  for (const kind of ["keydown", "pointerdown", "wheel"]) document.addEventListener(kind, stayActive, { passive: true });

  updateTimes();
  updateCountdowns();
  updateLimits();
  showPath();
  setInterval(updateTimes, 1_000);
  setInterval(updateLimits, 1_000);
  setInterval(updateCountdowns, 250);

  const showFailure = () => document.getElementById("trouble")?.removeAttribute("hidden");

  document.addEventListener("htmx:responseError", showFailure);
  document.addEventListener("htmx:sendError", (event) => {
    // A refresh that failed is repeated two seconds later, so it is not reported.
    if (event.detail.requestConfig?.verb !== "get") document.getElementById("offline")?.removeAttribute("hidden");
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (/^\s*<!doctype/i.test(event.detail.xhr.responseText)) {
      event.detail.shouldSwap = false;
      showFailure();
    }
  });
  // What is typed into a form is kept in this tab, for the person who typed it, until it was recorded.
  const draftOf = (address) => `draft ${document.body.dataset.person} ${address}`;
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.matches("textarea, select, input[type=text], input[type=date], input[type=radio]"));
  const began = (field) => field.options ? ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value : field.defaultValue;
  const draft = (form) => JSON.parse(sessionStorage.getItem(draftOf(form.dataset.keep)) ?? "{}");
  const keep = (form) => {
    const typed = draft(form);
    for (const field of fieldsOf(form)) {
      if (field.type === "radio" ? field.checked : field.value !== began(field)) typed[field.name] = field.value;
      else if (field.type !== "radio" && typed[field.name] !== field.value) delete typed[field.name];
    }
    try { sessionStorage.setItem(draftOf(form.dataset.keep), JSON.stringify(typed)); } catch { /* no storage: the page holds it alone */ }
  };
  const forget = (form) => sessionStorage.removeItem(draftOf(form.dataset.keep));
  const restore = () => {
    for (const form of document.querySelectorAll("form[data-keep]:not([data-restored])")) {
      form.dataset.restored = "";
      const typed = draft(form);
      const told = [...document.querySelectorAll(".comments .pre")].map((each) => each.textContent.trim());
      if (told.includes(typed.text?.trim())) forget(form);
      else for (const field of fieldsOf(form)) {
        if (!(field.name in typed)) continue;
        if (field.type === "radio") {
          field.checked ||= field.value === typed[field.name];
          continue;
        }
        if (field.value !== began(field) || typed[field.name] === field.value) continue;
        field.value = typed[field.name];
        form.querySelector("[data-kept]")?.removeAttribute("hidden");
      }
      listChanges(form);
    }
  };
  const reopen = () => {
    const links = [...document.querySelectorAll("#decide a[hx-get]")];
    links.find((link) => /[^{}]/.test(sessionStorage.getItem(draftOf(link.pathname)) ?? ""))?.click();
  };
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.dataset.keep) keep(form);
  });
  document.addEventListener("click", (event) => {
    const form = event.target.closest?.("a[data-key=Escape]")?.closest("form[data-keep]");
    if (form) forget(form);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const to = event.detail.xhr.getResponseHeader("HX-Redirect");
    if (to && !to.startsWith("/accounts/") && event.detail.elt.dataset.keep) forget(event.detail.elt);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    restore();
    updateTimes();
    updateCountdowns();
    updateLimits();
    showPath();
    const target = event.detail.target;
    const changed = document.querySelector("#delivery[data-announce], #hand[data-announce]");
    const announce = document.getElementById("announce");
    if (changed && announce) write(announce, changed.dataset.announce);
    if (target?.id === "decide" || target?.id === "steer") {
      const problem = target.querySelector("[role=alert]:not([hidden])");
      const order = ["[data-first], [autofocus]", "[tabindex='-1']", "a, button"];
      const first = order.map((each) => target.querySelector(each)).find(Boolean);
      if (problem) {
        problem.tabIndex = -1;
        problem.focus();
      } else {
        first?.focus();
      }
    }
  });

  // Keys: each belongs to a visible link, button or field with the same key in `data-key`.
  const typing = (element) => element.matches?.("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=submit], [type=button])");
  const shown = (element) => element.getClientRects().length > 0 && !element.disabled && !element.closest("[inert]");
  const press = (key) => {
    for (const element of document.querySelectorAll("[data-key]")) {
      if (element.dataset.key !== key || !(shown(element) || key === "?" || key.startsWith("g "))) continue;
      if (element.matches("input, textarea")) element.focus();
      if (!typing(element)) element.click();
      return true;
    }
    return false;
  };
  // n and p move between the changed values of an open form, or else between the flagged fields.
  let stop = null;
  const step = (by) => {
    const form = document.querySelector("#decide form");
    const changed = [...(form?.querySelectorAll("[data-edit]") ?? [])].map((row) => row.querySelector("input, select, textarea")).filter((field) => isChanged(field.closest("[data-edit]"), lines(field.value)));
    const stops = changed.length ? changed : [...document.querySelectorAll("[data-flag]")];
    if (!stops.length) return;
    const at = stops.indexOf(stop);
    stop = stops.at(at < 0 ? Math.min(by, 0) : (at + by) % stops.length);
    stop.closest("details")?.setAttribute("open", "");
    stop.focus();
  };
  const copy = async (link) => {
    try { await navigator.clipboard.writeText(link.href); } catch { return location.assign(link.href); } // not allowed here
    const label = link.querySelector("[data-copied]");
    write(label, label.dataset.copied);
    write(document.getElementById("announce"), label.dataset.copied);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-step], a[data-copy]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (link.dataset.step) step(Number(link.dataset.step));
    else copy(link);
  });
  // What is chosen in a list, to be decided at once.
  const boxes = () => [...document.querySelectorAll("input[name=review][form=bulk]")];
  const showChosen = () => {
    const count = document.querySelector("[data-bulk-count]");
    if (!count) return;
    const all = boxes();
    const chosen = all.filter((box) => box.checked).length;
    write(count, document.querySelector("#bulk [name=all]").checked ? "" : `${chosen} chosen`);
    const page = document.querySelector("[data-bulk-page]");
    const box = page.querySelector("input");
    page.hidden = false;
    box.checked = chosen > 0 && chosen === all.length;
    box.indeterminate = chosen > 0 && chosen < all.length;
  };
  const choose = (row, value) => {
    const box = row?.querySelector("input[name=review]");
    if (!box) return;
    box.checked = value ?? !box.checked;
    showChosen();
  };
  document.addEventListener("change", (event) => {
    if (event.target.closest?.("[data-bulk-page]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.form?.id === "bulk") showChosen();
  });
  addEventListener("pageshow", showChosen); // also for a page that the browser has kept

  // The review of a row is claimed or released where it stands.
  const claimRow = async (row, action) => {
    const link = row.querySelector(".line-what a");
    if (!link.pathname.startsWith("/reviews/")) return;
    const body = new URLSearchParams({ csrfmiddlewaretoken: document.querySelector("[name=csrfmiddlewaretoken]").value });
    const headers = { "HX-Request": "true", "HX-Target": "row" };
    const answer = await fetch(link.pathname + action + "/", { method: "POST", body, headers }).catch(() => null);
    const found = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
    const holder = found?.querySelector(".line-holder");
    const refusal = found?.querySelector(".problem");
    if (holder) row.querySelector(".line-holder").replaceWith(holder);
    else if (refusal) document.querySelector(".messages").replaceChildren(...document.querySelectorAll(".messages > [id]"), refusal);
    else document.getElementById(answer ? "trouble" : "offline").hidden = false;
    const said = holder ? `${link.textContent}: ${holder.textContent}` : refusal?.textContent ?? "";
    write(document.getElementById("announce"), said.replace(/\s+/g, " ").trim());
  };

  // j and k move between the rows of a list, o opens the one in focus, x chooses it, J and K do so and move.
  const move = (key) => {
    const links = [...document.querySelectorAll(".line-what a")].filter((link) => !link.closest("#pane"));
    if (!links.length || !["j", "k", "o", "x", "J", "K", "i", "I"].includes(key)) return false;
    const focused = links.findIndex((link) => link.closest(".line") === document.activeElement?.closest(".line"));
    const at = focused < 0 ? links.findIndex((link) => link.ariaCurrent) : focused; // the one open beside the list
    const row = links[at]?.closest(".line");
    if (key === "o") links[at]?.click();
    if ("xJK".includes(key)) choose(row, key === "x" ? undefined : true);
    if (row && "iI".includes(key)) claimRow(row, key === "i" ? "claim" : "release");
    if ("oxiI".includes(key)) return true;
    links[Math.min(links.length - 1, Math.max(0, key.toLowerCase() === "j" ? at + 1 : at - 1))].focus();
    return true;
  };
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (!opener) return;
    event.preventDefault();
    document.getElementById(opener.dataset.opens)?.showModal();
  });
  let waiting = ""; // the first key of a sequence
  let waitingUntil = 0;
  const pressed = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.defaultPrevented) return;
    if (event.key.length > 1 || typing(event.target) || event.target.closest?.("dialog")) return;
    if (document.body.dataset.keys === "off") return;
    const key = waiting && Date.now() < waitingUntil ? `${waiting} ${event.key}` : event.key;
    waiting = "";
    if (key === "g") [waiting, waitingUntil] = ["g", Date.now() + 1500];
    else if (press(key) || move(key)) event.preventDefault();
  };
  document.addEventListener("keydown", pressed);

  // A reason code brings its text, but never over what a person has typed.
  let filled = "";
  document.addEventListener("change", (event) => {
    const text = event.target.dataset?.template;
    const field = event.target.form?.elements.reason;
    if (text === undefined || !field || (field.value.trim() && field.value !== filled)) return;
    field.value = filled = text;
  });

  // What changes, before and after, while values of the output are edited.
  const lines = (text) => text.replace(/\r\n?/g, "\n");
  const asJson = (text) => {
    try { return JSON.stringify(JSON.parse(text)); } catch { return text; }
  };
  const isChanged = (row, value) => {
    const before = lines(row.dataset.initial);
    if (!("json" in row.dataset)) return value !== before;
    return value.trim() !== "" && asJson(value) !== asJson(before);
  };
  const listChanges = (form) => {
    const list = form?.querySelector("[data-changes]");
    if (!list) return;
    list.replaceChildren();
    const steps = form.querySelector("[data-steps]");
    for (const row of form.querySelectorAll("[data-edit]")) {
      const control = row.querySelector("input, select, textarea");
      if (!isChanged(row, lines(control.value))) continue;
      const line = list.appendChild(document.createElement("li"));
      const say = (tag, text) => line.append(Object.assign(document.createElement(tag), { textContent: text.slice(0, 300) }), " ");
      say("span", row.querySelector("label").textContent);
      say("del", row.dataset.edit || "nothing");
      say("ins", (control.selectedOptions?.[0].label ?? control.value) || "empty");
    }
    steps.hidden = list.childElementCount < 2;
  };
  for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => {
    if (event.target.closest?.("[data-edit]")) listChanges(event.target.form);
  });

  const resting = () => document.querySelector("#decide [tabindex='-1']") ?? document.getElementById("main");
  const escape = () => {
    const written = document.activeElement;
    const kept = written.matches("textarea") && written.value !== written.defaultValue;
    if (typing(written) && (kept || !written.closest("#decide, #steer, dialog"))) {
      written.blur(); // what was typed stays; in a panel the next Escape closes it
      (written.closest("form")?.querySelector("[tabindex='-1']") ?? resting())?.focus();
    } else press("Escape");
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest?.("form[data-submit-keys]");
      if (form) {
        event.preventDefault();
        const button = form.querySelector("button[type=submit]:not([hidden])");
        button?.click(); // not requestSubmit: htmx sends the name of a button only if it was clicked
      }
    }
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        menu.open = false;
        menu.querySelector("summary")?.focus();
        return;
      }
      escape();
    }
  });
  // On paper everything is open, but for what is sensitive and was left hidden.
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open], [data-menu], [data-sensitive])")];
    for (const part of unfolded) part.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const part of unfolded) part.open = false;
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  // Back from a review, the list goes on at its row.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("a[data-key=u]")) sessionStorage.setItem("row", location.pathname);
  });
  const returnToRow = () => {
    const row = sessionStorage.getItem("row");
    sessionStorage.removeItem("row");
    [...document.querySelectorAll("#split .line-what a")].find((link) => link.pathname === row)?.focus();
  };
  restore();
  returnToRow();
  addEventListener("load", reopen);
})();
