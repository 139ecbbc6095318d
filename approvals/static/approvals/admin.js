"use strict";
// What the pages of the admin site do beside their forms. Every page works without it.

// "Copy" beside a token, a secret or a link that is shown once.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const said = document.getElementById("copied");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "Copied.";
    } catch {  // no permission, or a page without TLS: it is selected, to be copied by hand
      getSelection().selectAllChildren(source);
      said.textContent = "It is selected: copy it with Ctrl+C.";
    }
  });
}

// What AWS answers about settings that are not saved: asked for every second, for 20 seconds.
const SECONDS = 20;
async function ask(left) {
  const waiting = document.querySelector("#connection[data-ask]");
  if (!waiting) return;
  if (left === 0) {
    waiting.querySelector(".late").hidden = false;
    return;
  }
  const response = await fetch(waiting.dataset.ask, { headers: { Accept: "text/html" } });
  if (response.ok) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const answer = page.getElementById("connection");
    if (answer && !answer.hasAttribute("data-ask")) {
      waiting.replaceChildren(...answer.childNodes);
      waiting.removeAttribute("data-ask");
      return;
    }
  }
  setTimeout(ask, 1000, left - 1);
}
setTimeout(ask, 1000, SECONDS);
