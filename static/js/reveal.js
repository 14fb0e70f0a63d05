// "Show" beside a secret being typed. Without this module the buttons are not there (app.css).

document.documentElement.classList.add("js");

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
