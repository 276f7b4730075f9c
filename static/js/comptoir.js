// Comptoir: small comforts; every page works without them.

const closeMenu = (menu) => {
  menu.open = false;
  menu.querySelector("summary").focus();
};

// Menus close on Escape and on a click elsewhere; tips close on Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) closeMenu(menu);
    else if (document.activeElement?.querySelector(".tip")) document.activeElement.blur();
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector("[role=search] input[name=customer], [role=search] input[name=q]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

// A form is sent once: its buttons rest until the page is left or shown again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  setTimeout(() => {
    for (const field of form.elements) {
      if (field.type === "submit") field.setAttribute("aria-disabled", "true");
    }
  });
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const field of form.elements) field.removeAttribute("aria-disabled");
  }
});

// Copy an address.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    const use = button.querySelector("use");
    use.setAttribute("href", "#check");
    setTimeout(() => use.setAttribute("href", "#copy"), 1500);
  });
}

// Selection: how many rows are ticked, and one box for all of the page.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-bulk]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("input[name=order]")];
  if (event.target.matches("[data-all]")) {
    for (const box of boxes) box.checked = event.target.checked;
  }
  const ticked = boxes.filter((box) => box.checked).length;
  for (const all of form.querySelectorAll("[data-all]")) {
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const count = form.querySelector("[data-count]");
  if (count) count.textContent = count.dataset.count.replace("0", ticked);
});
