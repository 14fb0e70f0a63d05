// Search while typing: the page's own answer to the form takes the place of what stands below the box.
// The box itself is never touched, so focus, caret and a syllable that is being composed stay. Without this
// module, and whenever it fails, the form is sent as it is.

const PAUSE_MS = 200;
// Jamo come one after the other, and the last syllable of a Korean word is composed until something else is done.
const COMPOSING_MS = 500;
// A query that stood this long, or whose box was left, is one that Back returns to.
const SETTLED_MS = 1500;
const form = document.querySelector("form[role=search][data-live]");
const box = form?.elements.q;
const path = form && new URL(form.action).pathname;
let [timer, request] = [];
let [shown, typedAt, isSettled, hasFailed] = [location.search, 0, true, false];

// Text in a form of the list, such as a token, is not to be thrown away by a search.
const isHeld = () =>
  [...document.querySelectorAll("[data-live] input")].some((one) => one !== box && one.value !== one.defaultValue);

function say(text, isSeen) {
  const status = form.querySelector("[role=status]");
  status.classList.toggle("unseen", !isSeen);
  status.textContent = text;
}

function wanted() {
  const query = [...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value);
  return query.length ? `?${new URLSearchParams(query)}` : "";
}

function stop() {
  clearTimeout(timer);
  request?.abort();
  document.getElementById("results").removeAttribute("aria-busy");
}

function keep(query) {
  history[isSettled ? "pushState" : "replaceState"](null, "", path + query);
  isSettled = false;
}

async function show(query, isBack = false) {
  stop();
  const { signal } = (request = new AbortController());
  document.getElementById("results").setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(path + query, { signal, headers: { "X-Search": "typing" } });
    // Signed out meanwhile: the page that came instead leads back to this search.
    if (new URL(answer.url).pathname !== path) return location.assign(answer.url);
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live][id]")) part.replaceWith(fresh.getElementById(part.id));
    if (!isBack) keep(query);
    [shown, hasFailed] = [location.search, false];
    say(document.getElementById("results").dataset.found);
  } catch {
    if (signal.aborted) return;
    if (isBack) return location.reload();
    document.getElementById("results").removeAttribute("aria-busy");
    hasFailed = true;
    say(form.dataset.failed, true);
  }
}

function search() {
  stop();
  if (isHeld()) say(form.dataset.held, true);
  else if (wanted() !== shown) show(wanted());
}

function typed(event) {
  stop();
  if (event.timeStamp - typedAt > SETTLED_MS) isSettled = true;
  typedAt = event.timeStamp;
  timer = setTimeout(search, event.isComposing ? COMPOSING_MS : PAUSE_MS);
}

box?.addEventListener("input", typed);
box?.addEventListener("compositionend", typed);
box?.addEventListener("blur", () => (isSettled = true));
form?.addEventListener("submit", (event) => {
  if (hasFailed || isHeld()) return;
  event.preventDefault();
  search();
});
window.addEventListener("popstate", () => {
  if (!form || location.search === shown) return;
  box.value = new URLSearchParams(location.search).get("q") ?? "";
  isSettled = true;
  show(location.search, true);
});
