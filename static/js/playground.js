// The playground without reloading: what was typed stays in this page's memory, and only there, until the page is
// left: no storage, no cookie, no URL. Without this module every form is simply sent.

const LATE_SECONDS = 90;
const MAX_SIDE = 1600;

let typedToken = "";
// Whether the server asks if it may have such a token, and whether the person said so of the one typed.
let asked = false;
let belongs = false;
// Tool → form field → what was typed there. Never a token: those fields have other names.
const typed = new Map();
// Stops waiting for the call that is being waited for.
let waiting = null;

const bench = () => document.getElementById("workbench");
const running = document.getElementById("running");
const told = document.getElementById("told");
const toolOf = (form) => form.querySelector("input[name=tool]").value;
const isArgument = (field) => field.name === "arguments" || field.name.startsWith("arg-");

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

function say(text) {
  document.getElementById("progress").textContent = text;
}

// The token typed for a call, the same in every form

function keepInStep() {
  for (const input of document.querySelectorAll("input.typed-token")) {
    if (input.value !== typedToken) input.value = typedToken;
    if (typedToken) input.closest("details").open = true;
  }
  for (const tick of document.querySelectorAll("input[name=belongs_here]")) {
    tick.checked = belongs;
    if (asked) tick.closest(".belongs").hidden = false;
  }
}

function forget() {
  typedToken = "";
  belongs = false;
  typed.clear();
  keepInStep();
}

// What was typed for each tool

function remember(field) {
  const form = field.closest(".panel form");
  if (!form || !isArgument(field)) return;
  const tool = toolOf(form);
  if (!typed.has(tool)) typed.set(tool, new Map());
  typed.get(tool).set(field.name, field.value);
}

function putBack() {
  for (const form of document.querySelectorAll(".panel form")) {
    const texts = typed.get(toolOf(form));
    for (const field of texts ? form.elements : []) {
      if (!texts.has(field.name)) continue;
      const had = field.value;
      field.value = texts.get(field.name);
      // A choice that is not offered any more.
      if (field.value !== texts.get(field.name)) field.value = had;
    }
  }
}

// The list of tools

function showTool() {
  const link = [...document.querySelectorAll(".tool-list a")].find((one) => one.hash === location.hash);
  if (!link) return;
  document.querySelector(".tool-list a[aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
}

// Name and description; the list shows only the beginning of it.
function wordsOf(link) {
  const about = document.getElementById(link.hash.slice(1)).querySelector("p.about");
  return `${link.textContent} ${about?.textContent ?? ""}`.toLowerCase();
}

function filterTools() {
  const box = document.getElementById("find");
  if (!box) return;
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const links = [...document.querySelectorAll("#tool-names a")];
  for (const link of links) {
    const text = wordsOf(link);
    link.parentElement.hidden = !words.every((word) => text.includes(word));
  }
  const found = links.filter((link) => !link.parentElement.hidden).length;
  const said = document.getElementById("found");
  const sentence = said.dataset.found.replace("{found}", found).replace("{all}", links.length);
  said.textContent = words.length ? sentence : "";
}

// Pictures: decoded from the bytes in the page and drawn, so that nothing is loaded

async function draw(canvas) {
  try {
    const bytes = Uint8Array.from(atob(canvas.dataset.bytes), (one) => one.charCodeAt(0));
    delete canvas.dataset.bytes;
    const picture = await createImageBitmap(new Blob([bytes], { type: canvas.dataset.media }));
    const scale = Math.min(1, MAX_SIDE / Math.max(picture.width, picture.height));
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
  } catch {
    canvas.hidden = true;
    canvas.parentElement.querySelector("[data-broken]").hidden = false;
  }
}

// Sending, waiting, and what came of it

function startWaiting(form) {
  const began = Date.now();
  const elapsed = running.querySelector(".elapsed");
  const buttons = document.querySelectorAll("form[data-send] button[type=submit]");
  const count = () => {
    const seconds = Math.round((Date.now() - began) / 1000);
    elapsed.textContent = running.dataset.seconds.replace("{seconds}", seconds);
    if (seconds >= LATE_SECONDS) waiting.abort("late");
  };
  const clock = setInterval(count, 1000);
  count();
  bench().setAttribute("aria-busy", "true");
  // Not `disabled`: the button that was pressed would lose the focus.
  for (const button of buttons) button.setAttribute("aria-disabled", "true");
  (form.querySelector(".actions") ?? form.closest(".tool-list").querySelector(".tool-list-head")).after(running);
  running.hidden = false;
  say(running.dataset.waiting);
  return () => {
    clearInterval(clock);
    putAway(running);
    bench().removeAttribute("aria-busy");
    for (const button of buttons) button.removeAttribute("aria-disabled");
  };
}

// Both stand outside of what an answer takes the place of, and in it only while they say something.
function putAway(...parts) {
  for (const part of parts) {
    part.hidden = true;
    document.getElementById("progress").after(part);
  }
}

// In place of an answer. Whatever was typed stays where it is, and nothing is sent a second time.
function tell(text, address) {
  document.querySelectorAll("#answer, #code").forEach((one) => one.remove());
  told.querySelector("p").textContent = text;
  const link = told.querySelector("a");
  link.hidden = !address;
  if (address) link.href = address;
  const right = bench().querySelector(".bench-right");
  if (right) right.append(told);
  else document.getElementById("history").before(told);
  told.hidden = false;
  say(text);
}

// What the answer's own words are, where it is a page of ours that says no.
function refusalIn(page, status) {
  const words = [...page.querySelectorAll("main h1, main h1 ~ p")].map((one) => one.textContent.trim());
  return [...words.slice(0, 2), running.dataset.refused.replace("{status}", status)].join(" ").trim();
}

function showAnswer(fresh) {
  putAway(running, told);
  asked ||= fresh.querySelector(".belongs:not([hidden])") !== null;
  const wasOpen = document.getElementById("history").open;
  const tools = bench().querySelector(".bench-right");
  const find = document.getElementById("find")?.value;
  if (tools && !fresh.querySelector(".bench")) {
    // The server gave no tools this time: the ones that are here stay, with what was typed into them.
    for (const part of [".uses", ".history"]) bench().querySelector(part).replaceWith(fresh.querySelector(part));
    document.querySelectorAll("#answer, #code").forEach((one) => one.remove());
    tools.append(...fresh.querySelectorAll("#answer"));
  } else {
    // A fragment would go on choosing a tool; the answer has chosen one.
    history.replaceState(null, "", location.pathname);
    bench().replaceWith(document.adoptNode(fresh));
    const box = document.getElementById("find");
    if (box && find !== undefined) box.value = find;
  }
  document.getElementById("history").open = wasOpen;
  say("");
  settle();
  const seen = document.getElementById("answer") ?? bench().querySelector("[aria-invalid], .tool-list a");
  seen?.focus({ preventScroll: true });
  seen?.scrollIntoView({ block: "nearest" });
}

function settle() {
  putBack();
  keepInStep();
  filterTools();
  document.querySelectorAll("canvas[data-bytes]").forEach(draw);
}

async function send(form, submitter) {
  const body = new URLSearchParams(new FormData(form, submitter));
  if (typedToken) body.set("mcp_auth_token", typedToken);
  const box = document.getElementById("find");
  if (box) body.set("find", box.value);
  waiting = new AbortController();
  const stop = startWaiting(form);
  try {
    const answer = await fetch(form.action, { method: "POST", body, signal: waiting.signal });
    const page = parsed(await answer.text());
    const fresh = page.getElementById("workbench");
    if (fresh) showAnswer(fresh);
    // Signed out meanwhile: the sign-in page came instead.
    else if (answer.redirected) tell(running.dataset.signedOut, answer.url);
    else tell(refusalIn(page, answer.status));
  } catch (reason) {
    // Never sent again by itself: the first one may have arrived, and tools do things.
    tell(running.dataset[reason] ?? running.dataset.lost);
  } finally {
    waiting = null;
    stop();
    if (!told.hidden) told.focus();
  }
}

// A call that nobody waited for may have ended meanwhile.
async function lookAtHistory(shown) {
  const answer = await fetch(location.pathname).catch(() => null);
  const fresh = answer && parsed(await answer.text()).getElementById("history");
  if (fresh) shown.replaceChildren(...fresh.childNodes);
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-send]")) return;
  event.preventDefault();
  if (!waiting) send(event.target, event.submitter);
});
document.addEventListener("click", ({ target }) => {
  const shown = target.closest("#history > summary")?.parentElement;
  if (shown && !shown.open) lookAtHistory(shown);
});
running.querySelector("button").addEventListener("click", () => waiting?.abort("cancelled"));
document.addEventListener("input", ({ target }) => {
  if (target.id === "find") filterTools();
  remember(target);
  if (!target.matches("input.typed-token")) return;
  // What was said of one token is not said of the next.
  if (typedToken && typedToken !== target.value) belongs = false;
  typedToken = target.value;
  keepInStep();
});
document.addEventListener("change", ({ target }) => {
  remember(target);
  if (!target.matches("input[name=belongs_here]")) return;
  belongs = target.checked;
  keepInStep();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.id !== "find" || event.target.form.dataset.many) return;
  // All tools are here: the first of those found, without asking the server again.
  event.preventDefault();
  const first = document.querySelector("#tool-names li:not([hidden]) a");
  first?.click();
  first?.focus();
});
window.addEventListener("hashchange", showTool);
window.addEventListener("pagehide", forget);
settle();
