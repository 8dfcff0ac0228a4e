// Unpack the rows, fill the tables, connect the links.

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

async function start() {
  const packed = document.getElementById("packed-rows");
  if (!packed) return;
  const { tables: contents, labels, salt } = await unpack(packed.textContent);
  packed.remove();
  let decisions = null;
  const render = (cell, name, row, table) => name === "choice" ? decisions.cell(cell, row, table) : renderCell(cell, name, row, table);
  for (const box of document.querySelectorAll("[data-table]")) {
    const name = box.dataset.table;
    for (const place of box.querySelectorAll("table, thead, tbody")) place.setAttribute("role", place.tagName === "TABLE" ? "table" : "rowgroup");
    for (const place of box.querySelectorAll("thead tr")) place.setAttribute("role", "row");
    for (const place of box.querySelectorAll("thead th")) place.setAttribute("role", "columnheader");
    tables[name] = new Table(box, contents[name], labels, render);
  }
  if (here.kind === "worklist") decisions = new Decisions(tables.differences, tables.same, tables.permissions?.columns.answer && tables.permissions, salt);
  for (const [name, table] of Object.entries(tables)) {
    const open = name === "differences" && decisions && table.columns.need.values.includes("person");
    table.filter(open ? { need: "person" } : {});
    if (name === "profiles" && table.columns.agrees.values.includes("no")) table.filter({ agrees: "no" });
  }
  for (const button of document.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => go(button.dataset.go, JSON.parse(button.dataset.facets)));
  }
}

start().then(
  () => { document.documentElement.dataset.ready = "yes"; },
  (problem) => {
    document.documentElement.dataset.ready = "no";
    const text = typeof DecompressionStream === "undefined"
      ? "This browser is too old to show the lists of this page. Any current browser can."
      : "The lists of this page cannot be shown: the file may be damaged.";
    document.getElementById("main").prepend(element("p", "callout warn", text));
    throw problem;
  },
);
