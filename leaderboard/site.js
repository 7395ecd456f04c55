// Sorting and filtering. Every page is complete without it. The choices are in the address, as
// #show=wrong&sort=accuracy:descending, so that it can be sent to someone.
"use strict";

const root = document.documentElement;
const tables = [...document.querySelectorAll("table[data-sortable]")];
const asBuilt = new Map(
  tables.map((table) => [
    table,
    {
      rows: [...table.tBodies[0].rows],
      directions: [...table.tHead.rows[0].cells].map((header) => [header, header.getAttribute("aria-sort")]),
    },
  ]),
);

/** The choices in the address, as a map; empty if it only names an element of the page. */
const readChoices = () =>
  new Map(location.hash.slice(1).split("&").map((part) => part.split("=")).filter((pair) => pair.length === 2));

const address = (choices) => "#" + [...choices].map((pair) => pair.join("=")).join("&");

/** Compare numbers by size and texts alphabetically; empty values are last in either direction. */
const compare = (a, b, sign) => {
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = a - b;
  return sign * (Number.isNaN(difference) ? a.localeCompare(b, undefined, { numeric: true }) : difference);
};

const sort = (table, name, direction) => {
  const headers = [...table.tHead.rows[0].cells];
  const column = headers.findIndex((header) => header.dataset.sort === name);
  if (column < 0) return restore(table);
  for (const header of headers) header.removeAttribute("aria-sort");
  headers[column].setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
  rows.sort(([a], [b]) => compare(a, b, sign));
  table.tBodies[0].append(...rows.map(([, row]) => row));
};

const restore = (table) => {
  const { rows, directions } = asBuilt.get(table);
  table.tBodies[0].append(...rows);
  for (const [header, direction] of directions)
    direction ? header.setAttribute("aria-sort", direction) : header.removeAttribute("aria-sort");
};

const addButtons = (table) => {
  for (const header of table.tHead.rows[0].querySelectorAll("[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `sort by ${header.innerText.split("\n")[0].trim()}`);
    button.addEventListener("click", () => {
      const falls = header.getAttribute("aria-sort") === "descending";
      const choices = readChoices().set("sort", `${header.dataset.sort}:${falls ? "ascending" : "descending"}`);
      location.hash = address(choices);
    });
    (header.querySelector(".under") ?? header).before(button);
    if (!header.querySelector(".under")) header.append(button);
  }
};

/** Filter and sort as the address says. */
const applyAddress = () => {
  const choices = readChoices();
  const show = choices.get("show") ?? "all";
  root.dataset.show = show;
  for (const link of document.querySelectorAll(".choices a[id^='show=']")) {
    const own = new Map(choices).set("show", link.id.slice("show=".length));
    if (own.get("show") === show) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
    link.href = address(own);
  }
  for (const link of document.querySelectorAll("a[data-keeps-choice]")) link.hash = show === "all" ? "" : `show=${show}`;
  const [name, direction] = choices.get("sort")?.split(":") ?? [];
  for (const table of tables) name ? sort(table, name, direction) : restore(table);
};

// --- the first page: search, metric, tasks ---------------------------------------------------

const search = document.querySelector("form[data-search]");
const chips = [...document.querySelectorAll("[data-tasks] button")];
const count = document.querySelector("output[data-count]");
const rows = [...document.querySelectorAll(".board tbody tr[data-name]")];

/** Return whether a name fits what is searched for: a regular expression, or else plain text. */
const fits = (sought) => {
  try {
    const pattern = new RegExp(sought, "iu");
    return (name) => pattern.test(name);
  } catch {
    return (name) => name.toLowerCase().includes(sought.toLowerCase());
  }
};

const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

// Rows that are pinned stand first, in the order of the table, each with a button that says so.
const pins = new Map();

const addPins = () => {
  for (const row of rows) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "pin";
    button.setAttribute("aria-label", `pin ${row.dataset.name}`);
    button.addEventListener("click", () => {
      const pinned = new Set([...pins].filter(([, one]) => one.getAttribute("aria-pressed") === "true").map(([one]) => one));
      pinned.has(row) ? pinned.delete(row) : pinned.add(row);
      setChoice("pin", rows.filter((one) => pinned.has(one)).map((one) => encodeURIComponent(one.dataset.pin)).join(","));
    });
    row.cells[0].prepend(button);
    pins.set(row, button);
  }
};

const applyPins = (choices) => {
  const pinned = new Set((choices.get("pin") ?? "").split(",").map(decoded));
  for (const [row, button] of pins) {
    const isPinned = pinned.has(row.dataset.pin);
    button.setAttribute("aria-pressed", String(isPinned));
    row.classList.toggle("pinned", isPinned);
  }
  for (const body of document.querySelector(".board").tBodies) {
    const own = [...body.rows].filter((row) => row.classList.contains("pinned"));
    body.prepend(...body.querySelectorAll(".divider"), ...own);
  }
};

const setChoice = (name, value) => {
  const choices = readChoices();
  value ? choices.set(name, value) : choices.delete(name);
  // Not `location.hash`, so that each key pressed is no step of the back button.
  history.replaceState(null, "", choices.size ? address(choices) : location.pathname + location.search);
  applyBoard();
};

const applyBoard = () => {
  const choices = readChoices();
  const sought = decoded(choices.get("q") ?? "");
  const without = new Set((choices.get("without") ?? "").split(",").map(decoded));
  applyAddress();
  applyPins(choices);
  if (search && search.q.value !== sought) search.q.value = sought;
  const shown = fits(sought);
  for (const row of rows) row.hidden = !shown(row.dataset.name);
  for (const chip of chips) chip.setAttribute("aria-pressed", String(!without.has(chip.dataset.task)));
  for (const cell of document.querySelectorAll(".board [data-task]")) cell.hidden = without.has(cell.dataset.task);
  if (count) count.textContent = sought ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
  const metric = choices.get("metric") ?? "task";
  root.dataset.metric = metric;
  for (const link of document.querySelectorAll("a[data-metric]")) {
    link.href = address(new Map(choices).set("metric", link.dataset.metric));
    if (link.dataset.metric === metric) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
};

const startBoard = () => {
  if (search) {
    search.hidden = false;
    search.addEventListener("submit", (event) => event.preventDefault());
    search.q.addEventListener("input", () => setChoice("q", encodeURIComponent(search.q.value)));
  }
  for (const chip of chips) {
    chip.parentElement.hidden = false;
    chip.addEventListener("click", () => {
      const left = chips.filter((one) => (one.getAttribute("aria-pressed") === "false") !== (one === chip));
      setChoice("without", left.map((one) => encodeURIComponent(one.dataset.task)).join(","));
    });
  }
  addPins();
  addEventListener("hashchange", applyBoard);
  applyBoard();
};

for (const table of tables) addButtons(table);
addEventListener("hashchange", applyAddress);
applyAddress();
if (rows.length) startBoard();

// A page that has moved: on to its place, with what the address names in it.
const moved = document.querySelector("a[data-forward]");
if (moved) location.replace(moved.href + location.hash);
