// The playground without reloading. A token typed for a call stays in this page's memory, and only there,
// until the page is left: no storage, no cookie, no URL. Without this module every form is simply sent.

let typed = "";
// Whether the server asks if it may have such a token, and whether the person said so of the one typed.
let asked = false;
let belongs = false;

const bench = () => document.getElementById("workbench");
const tokenFields = () => document.querySelectorAll("input.typed-token");
const ticks = () => document.querySelectorAll("input[name=belongs_here]");

function keepInStep() {
  for (const input of tokenFields()) {
    if (input.value !== typed) input.value = typed;
    if (typed) input.closest("details").open = true;
  }
  for (const tick of ticks()) {
    tick.checked = belongs;
    if (asked) tick.closest(".belongs").hidden = false;
  }
}

function forget() {
  typed = "";
  belongs = false;
  keepInStep();
}

function showTool() {
  const link = [...document.querySelectorAll(".tool-list a")].find((one) => one.hash === location.hash);
  if (!link) return;
  document.querySelector(".tool-list a[aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
}

function say(text) {
  document.getElementById("progress").textContent = text;
}

function showAnswer(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("workbench");
  if (!fresh) return false;
  asked ||= fresh.querySelector(".belongs:not([hidden])") !== null;
  const tools = bench().querySelector(".bench-right");
  if (tools && !fresh.querySelector(".bench")) {
    // The server gave no tools this time: the ones that are here stay, with what was typed into them.
    bench().querySelector(".uses").replaceWith(fresh.querySelector(".uses"));
    document.getElementById("answer")?.remove();
    tools.append(...fresh.querySelectorAll("#answer"));
  } else {
    // A fragment would go on choosing a tool; the answer has chosen one.
    history.replaceState(null, "", location.pathname);
    bench().replaceWith(document.adoptNode(fresh));
  }
  keepInStep();
  const seen = document.getElementById("answer") ?? bench().querySelector("[aria-invalid], .tool-list a");
  seen?.focus({ preventScroll: true });
  seen?.scrollIntoView({ block: "nearest" });
  return true;
}

async function send(form) {
  const body = new URLSearchParams(new FormData(form));
  if (typed) body.set("mcp_auth_token", typed);
  const button = form.querySelector("button[type=submit]");
  bench().setAttribute("aria-busy", "true");
  button.disabled = true;
  say(bench().dataset.busy);
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    // Signed out meanwhile: the sign-in page came instead.
    if (answer.redirected) return location.assign(answer.url);
    if (!showAnswer(await answer.text())) form.submit();
  } catch {
    form.submit();
  } finally {
    say("");
    button.disabled = false;
    bench()?.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-send]")) return;
  event.preventDefault();
  if (!bench().hasAttribute("aria-busy")) send(event.target);
});
document.addEventListener("input", (event) => {
  if (!event.target.matches("input.typed-token")) return;
  // What was said of one token is not said of the next.
  if (typed && typed !== event.target.value) belongs = false;
  typed = event.target.value;
  for (const input of tokenFields()) if (input !== event.target) input.value = typed;
  for (const tick of ticks()) tick.checked = belongs;
});
document.addEventListener("change", (event) => {
  if (!event.target.matches("input[name=belongs_here]")) return;
  belongs = event.target.checked;
  for (const tick of ticks()) tick.checked = belongs;
});
window.addEventListener("hashchange", showTool);
window.addEventListener("pagehide", forget);
