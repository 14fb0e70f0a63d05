// On every page: "Show" beside a secret being typed, "Copy" beside what may be copied, and the header of a server's
// form while it is being written. Without this module the buttons are not there (app.css).

document.documentElement.classList.add("js");

// Show and hide

function hide(button) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  if (input && input.type === "text") toggle(button, input);
}

function toggle(button, input) {
  input.type = input.type === "password" ? "text" : "password";
  [button.textContent, button.dataset.hide] = [button.dataset.hide, button.textContent];
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.reveal");
  if (!button) return;
  const input = document.getElementById(button.getAttribute("aria-controls"));
  toggle(button, input);
  input.focus();
});

// Browsers remember what was sent in a text field, and never a password: hide it before it is sent.
document.addEventListener("submit", (event) => event.target.querySelectorAll("button.reveal").forEach(hide), true);

// A form that somebody opens is about to be typed into; one that is closed hides what it holds.
document.addEventListener(
  "toggle",
  ({ target: details }) => {
    if (!(details instanceof HTMLDetailsElement)) return;
    if (!details.open) details.querySelectorAll("button.reveal").forEach(hide);
    else if (details.firstElementChild === document.activeElement) details.querySelector("input[type=password]")?.focus();
  },
  true,
);

// Copy

const COPIED_FOR_MS = 2000;

// What a page shows: texts, and fields that nobody can type into. A token being typed is neither.
function textOf(name) {
  const shown = document.querySelectorAll(`[data-copied="${CSS.escape(name)}"]:not(input:not([readonly]))`);
  return [...shown].map((one) => (one.matches("input") ? one.value : one.textContent)).join("\n");
}

// Where the site is not reached over HTTPS, browsers have no clipboard for pages, but still the old way.
function copyTheOldWay(text) {
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.value = text;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  return isDone;
}

async function copy(button) {
  const text = textOf(button.dataset.copy);
  const isDone = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  const said = document.getElementById("copied");
  const words = isDone || copyTheOldWay(text) ? said.dataset.done : said.dataset.failed;
  button.focus();
  const word = (button.dataset.word ??= button.textContent);
  button.textContent = words;
  said.textContent = words;
  setTimeout(() => {
    button.textContent = word;
    // Empty again, so that the next time is news.
    said.textContent = "";
  }, COPIED_FOR_MS);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) copy(button);
});

// The header as it will be sent. Without this module it is what was sent last.

const MASK = "••••";
const preview = document.getElementById("preview");

function usual(name) {
  return name.toLowerCase() === "authorization" ? "Bearer {token}" : "{token}";
}

if (preview) {
  const header = document.getElementById("auth_header_name");
  const format = document.getElementById("auth_value_format");
  const show = () => {
    const name = header.value.trim();
    const written = format.value.trim() ? format.value : usual(name);
    preview.textContent = `${name}: ${written.replaceAll("{token}", MASK)}`;
  };
  for (const input of [header, format]) input.addEventListener("input", show);
}
