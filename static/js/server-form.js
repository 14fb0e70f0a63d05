// The header as it will be sent, while it is being written. Without this module it is what was sent last.

const MASK = "••••";
const header = document.getElementById("auth_header_name");
const format = document.getElementById("auth_value_format");
const preview = document.getElementById("preview");

function usual(name) {
  return name.toLowerCase() === "authorization" ? "Bearer {token}" : "{token}";
}

function show() {
  const name = header.value.trim();
  const written = format.value.trim() ? format.value : usual(name);
  preview.textContent = `${name}: ${written.replaceAll("{token}", MASK)}`;
}

for (const input of [header, format]) input.addEventListener("input", show);
