// Comptoir: small comforts. Every page works without this file.

const SENT_FOR = 8000; // ms during which the same form is not sent twice
const root = document.documentElement;

// Menus: only one is open; Escape and a click elsewhere close it, Escape gives the focus back.

function openMenus() {
  return [...document.querySelectorAll("details.menu[open]")];
}

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target) || event.target.closest("a")) menu.open = false;
  }
});

document.addEventListener("focusin", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Tips: Escape closes the one that is shown, until the pointer or the focus goes elsewhere.

let hushed = null;

function hush() {
  hushed = [...document.querySelectorAll(":hover")].at(-1) ?? root;
  root.classList.add("tips-off");
}

function speakAgain(event) {
  if (!hushed || (event.type === "pointerover" && hushed.contains(event.target))) return;
  hushed = null;
  root.classList.remove("tips-off");
}

document.addEventListener("focusin", speakAgain);
document.addEventListener("pointerover", speakAgain);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  hush();
  const menu = openMenus().at(-1);
  if (!menu) return;
  const hadFocus = menu.contains(document.activeElement);
  menu.open = false;
  if (hadFocus) menu.querySelector("summary").focus();
});

// "/" goes to the search, unless somebody is writing.

function isWriting(element) {
  return element.isContentEditable || element.matches("input:not([type=checkbox], [type=radio]), select, textarea");
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  const search = document.querySelector("[role=search] .in input");
  if (!search) return;
  event.preventDefault();
  const fold = document.querySelector("details.fold");
  if (fold && !search.checkVisibility()) fold.open = true;
  search.focus();
  search.select();
});

// The list by keys: j and k move, Enter opens, x selects, v validates, ? tells them all. The row in hand
// has the focus on its order's link, so that a screen reader says where one is.

function moveTo(row) {
  row?.querySelector(".c-id a").focus();
}

function rowInHand() {
  return document.activeElement?.closest?.(".orders tbody tr");
}

const keys = {
  j: () => moveTo(rowInHand() ? rowInHand().nextElementSibling : document.querySelector(".orders tbody tr")),
  k: () => moveTo(rowInHand()?.previousElementSibling),
  x: () => rowInHand()?.querySelector(".c-check input")?.click(),
  v: () => rowInHand()?.querySelector(".acts button[formaction]")?.click(),
  "?": () => document.getElementById("keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key === "v") return;
  if (isWriting(event.target) || document.querySelector("dialog[open]") || !document.querySelector(".orders, #keys")) return;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("focusin", (event) => {
  document.querySelector(".orders .is-cursor")?.classList.remove("is-cursor");
  if (event.target.matches(".orders .c-id a")) event.target.closest("tr").classList.add("is-cursor");
});

// The selection: "select all on this page", and how many are selected.
// The bar says its words itself: data-one="1 order", data-many="# orders".

function boxes(list, part) {
  const found = { all: ".list__tools [type=checkbox], thead [type=checkbox]", row: "tbody [type=checkbox]" };
  return [...list.querySelectorAll(found[part])];
}

function count(list) {
  const rows = boxes(list, "row");
  const chosen = rows.filter((box) => box.checked).length;
  for (const box of boxes(list, "all")) {
    box.checked = rows.length > 0 && chosen === rows.length;
    box.indeterminate = chosen > 0 && chosen < rows.length;
  }
  const bar = list.parentElement.querySelector(".bulk");
  const said = bar?.querySelector("[role=status]");
  const everything = bar?.querySelector("[name=all]:checked")?.dataset.total;
  if (!said?.dataset.many) return;
  said.textContent = chosen === 1 && !everything ? said.dataset.one : said.dataset.many.replace("#", everything ?? chosen);
}

document.addEventListener("change", (event) => {
  if (event.target.matches?.(".bulk [name=all]")) countAll();
  const list = event.target.closest?.(".list");
  if (!list || event.target.type !== "checkbox") return;
  if (boxes(list, "all").includes(event.target)) {
    for (const box of boxes(list, "row")) box.checked = event.target.checked;
  }
  count(list);
});

function countAll() {
  document.querySelectorAll(".list").forEach(count);
}

document.addEventListener("reset", () => setTimeout(countAll));

// A form is sent once: a second click does nothing while the first is on its way.

const sent = new Map();

function release(form) {
  clearTimeout(sent.get(form)?.timer);
  sent.get(form)?.button?.removeAttribute("aria-disabled");
  sent.delete(form);
}

document.addEventListener(
  "submit",
  (event) => {
    if (!sent.has(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

document.addEventListener("submit", (event) => {
  const { target: form, submitter: button } = event;
  const method = button?.getAttribute("formmethod") ?? form.method;
  if (event.defaultPrevented || method !== "post") return;
  button?.setAttribute("aria-disabled", "true");
  sent.set(form, { button, timer: setTimeout(release, SENT_FOR, form) });
});

window.addEventListener("pageshow", () => [...sent.keys()].forEach(release));

// "Copy" buttons are hidden where nothing could be copied.

function showCopyButtons() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText.trim());
  const drawing = button.querySelector("use");
  const before = drawing?.getAttribute("href");
  drawing?.setAttribute("href", "#check");
  say("copied");
  setTimeout(() => {
    drawing?.setAttribute("href", before);
    say("");
  }, 3000);
});

function say(what) {
  const voice = document.getElementById("voice");
  if (voice) voice.textContent = what ? voice.dataset[what] : "";
}

// htmx: who was signed out meanwhile is led to the door, and a server that does not answer is not passed over.

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (!xhr.responseURL) return;
  const asked = new URL(requestConfig.path, location.href);
  const answered = new URL(xhr.responseURL);
  if (answered.pathname === asked.pathname) return;
  event.preventDefault();
  if (answered.searchParams.has("next")) location.reload();
  else location.assign(answered);
});

function setTrouble(isShown) {
  const note = document.getElementById("trouble");
  if (note) note.hidden = !isShown;
}

for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(failure, () => setTrouble(true));
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) setTrouble(false);
});

document.addEventListener("htmx:load", () => {
  showCopyButtons();
  countAll();
});
showCopyButtons();
countAll();
