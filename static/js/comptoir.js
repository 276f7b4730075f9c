// Comptoir: small comforts. Every page works without this file.

const SENT_FOR = 20000; // ms during which the same button does not send its form twice
const FILE_SENT_FOR = 1000; // ms, where the answer is a file and the page stays
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

// "/" goes to the search, unless somebody is writing or wants no letter to be a key.

const hasKeys = "keys" in document.body.dataset;

function isWriting(element) {
  return element.isContentEditable || element.matches("input:not([type=checkbox], [type=radio]), select, textarea");
}

document.addEventListener("keydown", (event) => {
  if (!hasKeys || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  const search = document.querySelector("[role=search] .in input");
  if (!search) return;
  event.preventDefault();
  const fold = document.querySelector("details.fold");
  if (fold && !search.checkVisibility()) fold.open = true;
  search.focus();
  search.select();
});

// The list by keys: j and k move, Enter opens, x selects, v validates, b goes to the bar, ? tells them all. The row in hand
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
  b: () => document.querySelector(".bulk .row .btn")?.focus(),
  "?": () => document.getElementById("keys")?.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (!hasKeys || event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key === "v") return;
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
  const everything = bar?.querySelector("[name=all]:checked + [data-total]")?.dataset.total;
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
  const everything = list.parentElement.querySelector(".bulk [name=all]");
  if (everything && !event.target.checked) everything.checked = false; // who leaves one out does not mean all
  count(list);
});

function countAll() {
  document.querySelectorAll(".list").forEach(count);
}

document.addEventListener("reset", (event) => {
  setTimeout(countAll);
  if (event.target.contains(document.activeElement)) heading()?.focus({ preventScroll: true }); // the bar goes
});

// A form is sent once: a second click does nothing while the first is on its way. Another of its buttons is another
// wish: a page that became a download stays, and its form with it. A button whose answer is a file (data-file) is
// soon free again: other orders may be ticked by then.

const sent = new Map();

function release(form) {
  clearTimeout(sent.get(form)?.timer);
  sent.get(form)?.button?.removeAttribute("aria-disabled");
  sent.delete(form);
}

document.addEventListener(
  "submit",
  (event) => {
    if (!sent.has(event.target) || sent.get(event.target).button !== event.submitter) return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

document.addEventListener("submit", (event) => {
  const { target: form, submitter: button } = event;
  const method = button?.getAttribute("formmethod") ?? form.method;
  if (event.defaultPrevented || method !== "post") return;
  release(form);
  button?.setAttribute("aria-disabled", "true");
  sent.set(form, { button, timer: setTimeout(release, button?.matches("[data-file]") ? FILE_SENT_FOR : SENT_FOR, form) });
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
  const written = navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText.trim());
  if (!(await written.then(() => true, () => false))) return;
  const drawing = button.querySelector("use");
  drawing?.setAttribute("href", "#check");
  say("copied");
  setTimeout(() => {
    drawing?.setAttribute("href", "#copy");
    say("");
  }, 3000);
});

function say(what) {
  const voice = document.getElementById("voice");
  if (voice) voice.textContent = what ? voice.dataset[what] : "";
}

// A step's page opens over the order, as a dialog: Escape and the close links lead back to where one was.

let isOpening = false;

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[data-dialog]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (isOpening) return;
  isOpening = true;
  const shown = link.checkVisibility() ? link : link.closest("details").querySelector("summary");
  shown.setAttribute("aria-busy", "true");
  const page = await fetch(link.href, { signal: AbortSignal.timeout(20000) }).then(readPage).catch(() => null);
  isOpening = false;
  shown.removeAttribute("aria-busy");
  const content = page?.querySelector("main .dialog");
  if (!content) return location.assign(link.href);
  const dialog = Object.assign(document.createElement("dialog"), { className: content.className });
  dialog.setAttribute("aria-labelledby", content.getAttribute("aria-labelledby"));
  dialog.append(...content.childNodes);
  for (const form of dialog.querySelectorAll("form:not([action])")) form.action = link.href;
  document.querySelector("main").append(dialog);
  dialog.addEventListener("cancel", () => drafts.set(link.href, writing(dialog)));
  dialog.addEventListener("close", () => {
    document.getElementById("main").prepend(...dialog.querySelectorAll("#trouble"));
    dialog.remove();
    shown.focus();
  });
  window.htmx?.process(dialog);
  writeAgain(dialog, drafts.get(link.href));
  drafts.delete(link.href);
  dialog.showModal();
  if (!dialog.querySelector("[autofocus]")) dialog.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  document.activeElement.select?.(); // who types takes the place of what stood there
});

// What was typed in a dialog that Escape closed stands there again when it is opened anew.

const drafts = new Map();

function writing(dialog) {
  const fields = dialog.querySelectorAll("input:not([type=hidden]), select, textarea");
  return [...fields].map(({ name, value, checked }) => ({ name, value, checked }));
}

function writeAgain(dialog, draft) {
  for (const { name, value, checked } of draft ?? []) {
    const field = dialog.querySelector(`[name="${name}"]`);
    if (field) Object.assign(field, { value, checked });
  }
  if (draft) dialog.querySelector("table input")?.dispatchEvent(new Event("input", { bubbles: true }));
}

async function readPage(response) {
  return response.ok && !response.redirected ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("main > dialog a[href]");
  const dialog = link?.closest("dialog");
  // Where nothing can be done, the order behind is no more what it was; who asks for the page anew gets it.
  if (!dialog?.querySelector("form") || link.closest("#trouble") || link.pathname !== location.pathname) return;
  event.preventDefault();
  dialog.close();
});

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

// Who had the focus keeps it when a part of the page is replaced: by its id (htmx does that), else in its
// row or on its menu; what is there no more leaves it to the page's heading.

let hadFocus = null;

document.addEventListener("htmx:beforeSwap", () => {
  hadFocus = document.activeElement;
});

document.addEventListener("htmx:afterSettle", () => {
  const gone = hadFocus?.isConnected || document.activeElement !== document.body ? null : hadFocus;
  hadFocus = null;
  if (gone) (heirOf(gone) ?? heading())?.focus({ preventScroll: true });
});

function heading() {
  const found = document.querySelector("main h1");
  found?.setAttribute("tabindex", "-1");
  return found;
}

function heirOf(gone) {
  const row = gone.closest("tr[id]")?.id ?? gone.closest("[hx-target^='#row-']")?.getAttribute("hx-target").slice(1);
  const menu = gone.closest("details[id]")?.id;
  return (row && document.querySelector(`#${row} .c-id a`)) || (menu && document.querySelector(`#${menu} > summary`)) || null;
}

// What is done in place: a notice that only tells passes by itself, one that offers something stays until it is closed.

const PASSES_AFTER = 12000; // ms

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const isSaid = detail.target?.id === "news" && wordsOf(detail.xhr.response) === wordsOf(detail.target.innerHTML);
  if (detail.xhr.status === 304 || isSaid) detail.shouldSwap = false;
});

function wordsOf(html) {
  return new DOMParser().parseFromString(html, "text/html").body.textContent.trim();
}

// A form in a notice speaks of the list that is shown now, not of the one under which it came.

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (document.getElementById("order-list") && detail.formData.has("next")) detail.formData.set("next", location.pathname + location.search);
});

// Answers overtake each other: what was asked for before the last step was answered is asked for again.

const askedAt = new WeakMap();
let steps = 0; // answered
let asked = null; // the last request for a part of the list
let isOld = false; // the list that came
let areSumsOld = false;

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  askedAt.set(detail.xhr, steps);
  if (detail.requestConfig.verb === "get" && isOfList(detail)) asked = detail;
});

document.addEventListener("htmx:beforeOnLoad", ({ detail }) => {
  if (detail.requestConfig.verb === "get") return;
  areSumsOld ||= askedAt.get(detail.xhr) !== steps;
  steps += 1;
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.requestConfig.verb !== "get" || !isOfList(detail)) return;
  isOld = detail.xhr.status === 200 && askedAt.get(detail.xhr) !== steps;
});

document.addEventListener("htmx:afterSettle", () => {
  if (isOld) refreshList();
  else if (areSumsOld && !isOnItsWay(asked)) refreshTotals();
  isOld = areSumsOld = false;
});

function isOnItsWay(request) {
  return [1, 2, 3].includes(request?.xhr.readyState);
}

function isOfList(detail) {
  return Boolean(detail.target?.matches("#order-list, #list-results"));
}

function refreshTotals() {
  const list = document.getElementById("order-list");
  if (!document.getElementById("list-totals")) return;
  const selectOOB = "#list-menu,#quick-filters,#list-all,#list-status:innerHTML,#to-prepare:innerHTML";
  window.htmx.ajax("GET", location.pathname + location.search, { source: list, target: "#list-totals", select: "#list-totals", selectOOB, swap: "outerHTML show:none" });
}

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.target?.matches?.(".orders tr")) detail.target.addEventListener("htmx:beforeSwap", tellElsewhere);
});

function tellElsewhere(event) {
  if (event.currentTarget.isConnected) return;
  event.detail.shouldSwap = false; // another list is shown meanwhile: what was done is told, and the list asked for anew
  const told = new DOMParser().parseFromString(event.detail.xhr.response, "text/html").getElementById("messages");
  const messages = document.getElementById("messages");
  messages.replaceChildren(...(told?.childNodes ?? []));
  window.htmx.process(messages);
  refreshList();
}

document.addEventListener("click", (event) => {
  const note = event.target.closest?.("[data-close]")?.closest(".note");
  if (!note) return;
  const heir = heirOf(note.querySelector("form"));
  note.remove();
  heir?.focus({ preventScroll: true });
});

// A status is said again only where its words are others; a menu that somebody has open is left alone, but for
// what its form says of the list.

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { fragment, target } = event.detail;
  const isSaid = target.matches("[role=status]") && target.textContent === fragment.textContent;
  const isOpen = openMenus().some((menu) => target.contains(menu));
  if (isSaid || isOpen) event.detail.shouldSwap = false;
  for (const field of isOpen ? fragment.querySelectorAll("input[type=hidden]") : []) {
    for (const old of target.querySelectorAll(`[name="${field.name}"]`)) old.value = field.value;
  }
});

// What is typed while a filter is on its way is not lost: the new field has it, and asks for it. It waits
// for a filter that was clicked, which would not be in its own question.

let typed = null;

document.addEventListener("htmx:confirm", (event) => {
  if (isOnItsWay(asked) && asked.target.id === "order-list" && event.detail.elt.matches("#id_customer, #id_q")) event.preventDefault();
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const field = document.activeElement;
  const isTyped = field?.matches("#id_customer, #id_q") && field.value !== field.defaultValue && detail.target?.contains(field);
  typed = isTyped ? { id: field.id, value: field.value, at: field.selectionStart } : null;
});

document.addEventListener("htmx:afterSettle", () => {
  const field = typed && document.getElementById(typed.id);
  if (field && field.value !== typed.value) {
    field.value = typed.value;
    field.setSelectionRange(typed.at, typed.at);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  typed = null;
});

// A field that was typed wrong is marked as long as the list says so.

document.addEventListener("htmx:afterSettle", () => {
  for (const field of document.querySelectorAll("#id_customer, #id_q")) {
    const isWrong = document.getElementById(`${field.id}_error`) !== null;
    const marks = { "aria-invalid": "true", "aria-describedby": `${field.id}_error` };
    for (const [name, value] of Object.entries(marks)) {
      if (isWrong) field.setAttribute(name, value);
      else field.removeAttribute(name);
    }
  }
});

document.addEventListener("htmx:afterSettle", () => {
  for (const note of document.querySelectorAll(".floats [data-passes]:not([data-timed])")) {
    note.dataset.timed = "";
    setTimeout(pass, PASSES_AFTER, note);
  }
});

function pass(note) {
  if (note.matches(":hover, :focus-within")) setTimeout(pass, PASSES_AFTER, note);
  else note.remove();
}

document.addEventListener("htmx:targetError", (event) => {
  if (event.detail.elt?.matches?.(".note form")) event.detail.elt.submit(); // its row is not on this page
});

// Suggestions under a field, by the pattern of a combobox: arrows choose, Enter takes, Escape closes.

const combo = { list: null, taken: "" };

function openCombo(input, isOpen) {
  combo.list = document.getElementById(input.dataset.combo);
  combo.list.hidden = !isOpen;
  input.setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) point(input, null);
}

function point(input, option) {
  for (const each of combo.list.children) each.setAttribute("aria-selected", String(each === option));
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function take(input, option) {
  combo.taken = input.value = option.dataset.value;
  openCombo(input, false);
  input.dispatchEvent(new Event("taken"));
}

function prepareCombos() {
  for (const input of document.querySelectorAll("[data-combo]:not([role])")) {
    const values = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": input.dataset.combo };
    for (const [name, value] of Object.entries(values)) input.setAttribute(name, value);
  }
}

document.addEventListener("htmx:afterSwap", (event) => {
  const id = event.detail.target?.id;
  const input = id && document.querySelector(`[data-combo="${id}"]`);
  if (!input) return;
  openCombo(input, event.detail.target.children.length > 0 && document.activeElement === input && input.value !== combo.taken);
});

document.addEventListener("keydown", (event) => {
  const input = event.target.closest?.("[data-combo]");
  const list = input && document.getElementById(input.dataset.combo);
  if (!list?.children.length || event.isComposing) return;
  const options = [...list.children];
  const at = list.hidden ? -1 : options.findIndex((each) => each.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    openCombo(input, true);
    point(input, options.at(at < 0 ? (step > 0 ? 0 : -1) : (at + step) % options.length));
  } else if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    take(input, options[at]);
  } else if (event.key === "Escape" || event.key === "Enter") {
    openCombo(input, false);
  }
}, true);

// The field keeps the focus while one is chosen; a finger's click comes last, so that nothing beneath gets it.

document.addEventListener("mousedown", (event) => {
  if (event.target.closest?.(".combo [role=listbox]")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const option = event.target.closest?.(".combo [role=option]");
  if (!option) return;
  take(document.querySelector(`[data-combo="${option.parentElement.id}"]`), option);
});

document.addEventListener("focusout", (event) => {
  if (event.target.matches?.("[data-combo][role]")) openCombo(event.target, false);
});

// Moments said as a person would are said anew while the page stays open; the list by the server's clock.

const voice = document.getElementById("voice");
const since = document.getElementById("news")?.getAttribute("hx-get").split("since=")[1];
const skew = since ? new Date(decodeURIComponent(since)) - Date.now() : 0;

function said(time, now) {
  const at = new Date(time.dateTime);
  const minutes = Math.floor((now - at) / 60000);
  if (minutes < 1) return voice.dataset.just;
  if (minutes < 60) return voice.dataset.minutes.replace("#", minutes);
  const offset = time.dateTime.match(/([+-])(\d\d):(\d\d)$/);
  const east = offset ? Number(`${offset[1]}1`) * (offset[2] * 60 + Number(offset[3])) : 0;
  const day = (moment) => Math.floor((Number(moment) / 60000 + east) / 1440);
  const clock = time.dateTime.slice(11, 16);
  if (day(at) === day(now)) return voice.dataset.today.replace("#", clock);
  return day(at) === day(now) - 1 ? voice.dataset.yesterday.replace("#", clock) : time.title;
}

function sayMoments() {
  const now = Date.now() + skew;
  for (const time of document.querySelectorAll("time[title]")) {
    const age = now - new Date(time.dateTime);
    if (!(age >= 0) || (age > 172800000 && !time.dataset.fresh)) continue; // two days: none is said as "yesterday"
    time.dataset.fresh = "";
    time.textContent = said(time, now);
  }
}

setInterval(sayMoments, 30000);

window.addEventListener("beforeprint", () => {
  for (const time of document.querySelectorAll("time[title]")) time.textContent = time.title;
});

// A list that was left open is asked for again when somebody comes back to it; one that has not changed
// is not sent again. What somebody is in the middle of is left alone.

const OLD_AFTER = 60000; // ms
let shownAt = Date.now();
let tag = "";

function refreshList() {
  const list = document.getElementById("order-list");
  if (!list || !window.htmx) return;
  const headers = tag ? { "If-None-Match": tag } : {};
  shownAt = Date.now();
  window.htmx.ajax("GET", location.pathname + location.search, { source: list, target: list, select: "#order-list", swap: "outerHTML show:none", headers });
}

function isBusy() {
  return document.querySelector(".orders tbody :checked, details.menu[open], dialog[open], #order-list :is(input, select):focus");
}

function comeBack() {
  sayMoments();
  if (document.visibilityState === "visible" && Date.now() - shownAt > OLD_AFTER && !isBusy()) refreshList();
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { pathInfo, requestConfig, target, xhr } = event.detail;
  const isRead = requestConfig.verb === "get";
  if (isRead && target?.id === "order-list") {
    if (xhr.status === 200) tag = xhr.getResponseHeader("ETag") ?? "";
    shownAt = Date.now();
  } else if (!isRead || pathInfo.requestPath.split("?")[0] === location.pathname) {
    tag = ""; // what is shown is no more just what was sent
  }
});

document.addEventListener("visibilitychange", comeBack);
window.addEventListener("pageshow", (event) => event.persisted && !isBusy() && refreshList());
window.addEventListener("offline", () => setTrouble(true));
window.addEventListener("online", () => {
  if (askAgain()) return;
  setTrouble(false);
  if (!isBusy()) refreshList();
});

function setTrouble(isShown) {
  const note = document.getElementById("trouble");
  if (!note) return;
  if (isShown) (document.querySelector("dialog[open]") ?? document.getElementById("main")).prepend(note);
  note.hidden = !isShown;
}

// What was typed and got no answer is asked for again by itself; until then the list is not what the field says.

let unheard = null;

for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, ({ detail }) => {
    if (detail.elt.matches("#id_customer, #id_q")) unheard = detail.elt;
    setTrouble(true);
  });
}

function askAgain() {
  if (!unheard?.isConnected) return false;
  unheard.dispatchEvent(new Event("taken"));
  return true;
}

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!detail.successful) return;
  if (detail.elt === unheard) unheard = null;
  if (!askAgain()) setTrouble(false);
});

// A page that is refused says so itself: a list that takes too long, a right that was taken away. A step that is
// refused is told over the list, as it is now.

document.addEventListener("htmx:responseError", ({ detail }) => {
  const isWanted = detail.elt.id !== "order-list"; // by a person, not by the clock
  if (isWanted && detail.target?.matches("#order-list, #list-results, #log")) location.assign(detail.pathInfo.finalRequestPath);
  else if (detail.target?.matches(".orders tr") && detail.xhr.status < 500) tellRefusal(detail.xhr.response);
  else setTrouble(true);
});

function tellRefusal(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const note = Object.assign(document.createElement("p"), { className: "note s-failed" });
  note.setAttribute("role", "alert");
  note.textContent = [...page.querySelectorAll("main :is(h1, h1 + p)")].map((part) => part.textContent.trim()).join(" – ");
  const floats = Object.assign(document.createElement("div"), { className: "floats" });
  floats.append(note);
  document.getElementById("messages").replaceChildren(floats);
  refreshList();
}

// In a row of tabs that is wider than the screen the chosen one is seen.

function showChosenTab() {
  for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
    const row = tab.closest("ul");
    const box = tab.getBoundingClientRect();
    const { left, right, width } = row.getBoundingClientRect();
    if (box.left < left || box.right > right) row.scrollLeft += box.left - left - (width - box.width) / 2;
  }
}

function prepare() {
  showChosenTab();
  showCopyButtons();
  countAll();
  prepareCombos();
}

document.addEventListener("htmx:load", prepare);
prepare();
