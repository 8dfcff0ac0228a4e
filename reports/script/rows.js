// How the cells of each table look.

const here = document.body.dataset;

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

function note(cell, text) {
  cell.append(element("small", "", text));
}

// Who somebody is, below the key.
function person(cell, who) {
  if (!who) return;
  const line = element("small", "person");
  showValue(line, who);
  cell.append(line);
}

const CELLS = {
  key(cell, row, table) {
    const { key, id } = table.columns;
    const value = key.at(row);
    const linked = table.box.dataset.table !== "differences" && value !== null && differing().has(value);
    if (linked) {
      const button = element("button", "link");
      button.type = "button";
      button.title = "Show this profile's differences";
      showValue(button, keyText(value));
      button.addEventListener("click", () => go("differences", {}, value));
      cell.append(button);
    } else if (value === null) cell.append(element("span", "empty", table.box.dataset.table === "violations" ? "all profiles" : "no key"));
    else showValue(cell, keyText(value));
    if (id && id.at(row)) note(cell, id.at(row));
    person(cell, table.columns.who?.at(row));
  },

  column(cell, row, table) { showField(cell, table.columns.column.at(row)); },
  columns(cell, row, table) { showField(cell, table.columns.columns.at(row)); },

  platform(cell, row, table) { pair(cell, row, table, 0); },
  truth(cell, row, table) { pair(cell, row, table, 1); },

  status(cell, row, table) { standing(cell, row, table, "status"); },
  need(cell, row, table) { standing(cell, row, table, "need"); },

  answer(cell, row, table) {
    const { answer, answered } = table.columns;
    cell.append(table.label("answer", answer.at(row)));
    if (answered.at(row)) note(cell, answered.at(row));
  },

  flags(cell, row, table) {
    const flags = table.columns.flags.at(row);
    if (flags) cell.append(element("span", "tag", table.label("flags", flags)));
    const command = table.columns.command?.at(row);
    if (!command) return;
    note(cell, "Created by us, deleted by an undo. A person may decide anew:");
    cell.append(element("code", "", command));
  },

  value(cell, row, table) {
    const field = table.columns.column.at(row);
    // What concerns several fields, or none, has no value of its own: nothing is empty there.
    if (field === null || field.includes(", ")) cell.append(element("span", "empty", "–"));
    else showValue(cell, table.columns.value.at(row));
  },
  text(cell, row, table) { showValue(cell, table.columns.text.at(row)); },
  other_key(cell, row, table) {
    showValue(cell, keyText(table.columns.other_key.at(row)));
    person(cell, table.columns.other_who?.at(row));
  },
};

// The status of a profile or what happens to a difference, and what is known about that.
function standing(cell, row, table, name) {
  const word = table.columns[name].at(row);
  const sign = element("span", `status status-${word}`);
  sign.append(icon(word));
  const line = element("div", "standing");
  line.append(sign, table.label(name, word));
  cell.append(line);
  const why = table.columns.why?.at(row);
  if (why) note(cell, table.label("why", why));
  const { moved, flags, base, swapped } = table.columns;
  if (moved && moved.at(row)) note(cell, table.label("moved", moved.at(row)));
  if (swapped && swapped.at(row)) {
    const other = element("small", "", "exchanged with ");
    showValue(other, keyText(swapped.at(row)));
    cell.append(other);
  }
  if (flags && flags.at(row) && table.box.dataset.table === "differences") cell.append(element("span", "tag", table.label("flags", flags.at(row))));
  if (base && base.at(row)) {
    const last = element("small", "", "last agreed: ");
    const says = table.columns.base_says?.at(row);
    if (says) last.append(`${table.label("says", says)} (`);
    showValue(last, base.at(row));
    if (says) last.append(")");
    cell.append(last);
  }
}

// One of two values beside each other: what has no counterpart is marked.
function pair(cell, row, table, side) {
  const { platform, truth, reason } = table.columns;
  const values = [platform.at(row), truth.at(row)];
  const spelt = reason ? reason.at(row) === "unicode_form" : false;
  // A permission is told by what it says, whichever way round its field is spelt; what stands in the cell is beside it.
  const says = table.columns[side ? "truth_says" : "platform_says"]?.at(row);
  if (says) {
    cell.append(table.label("says", says));
    if (values[side]) showValue(cell.appendChild(element("small")), values[side]);
    const changed = table.columns[side ? "truth_updated" : "platform_updated"]?.at(row);
    if (changed) note(cell, `row changed ${changed}`);
    return;
  }
  const marks = values[0] && values[1] && reason ? unlike(Array.from(values[0]), Array.from(values[1])) : null;
  showValue(cell, values[side], marks && marks[side], spelt);
  const changed = table.columns[side ? "truth_updated" : "platform_updated"]?.at(row);
  if (changed) note(cell, `row changed ${changed}`);
}

function renderCell(cell, name, row, table) {
  if (CELLS[name]) {
    CELLS[name](cell, row, table);
    return;
  }
  const value = table.columns[name]?.at(row);
  if (table.labels[name]) cell.append(value ? table.label(name, value) : "");
  else if (value) showValue(cell, value);
}

const tables = {};

let keysThatDiffer = null;

function differing() {
  keysThatDiffer ??= new Set(tables.differences ? tables.differences.columns.key.values : []);
  return keysThatDiffer;
}

// Show a table with these filters, and bring the reader there.
function go(name, facets, text = "") {
  const table = tables[name];
  table.filter(facets, text);
  table.box.scrollIntoView({ block: "start" });
  table.search.focus({ preventScroll: true });
}
