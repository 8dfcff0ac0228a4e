// The worklist: what a steward chooses per row, or for the rows listed of a cause or a profile, and the file of it.

const CHOICES = ["", "truth", "platform", "later"];

class Decisions {
  constructor(table, run, digest) {
    this.table = table;
    this.store = `auditor ${run} ${digest}`;
    this.masters = JSON.parse(here.masters);
    this.saved = true;
    this.column = { values: CHOICES, index: new Uint32Array(table.size), at: (row) => CHOICES[this.column.index[row]], ranks: [0, 1, 2, 3] };
    table.columns.choice = this.column;
    table.selects = [...table.box.querySelectorAll("[data-facet]")];
    for (const select of table.selects.filter((select) => select.dataset.facet === "choice")) {
      select.addEventListener("change", () => {
        table.chosen.choice = select.value === "any" ? null : Number(select.value);
        table.update();
      });
    }
    this.name = document.getElementById("by");
    this.group = table.box.querySelector(".group");
    table.box.addEventListener("filtered", () => this.showGroup());
    for (const button of this.group.querySelectorAll("[data-all]")) {
      button.addEventListener("click", () => this.chooseAll(button.dataset.all));
    }
    document.getElementById("download").addEventListener("click", () => this.download());
    window.addEventListener("beforeunload", (event) => {
      if (!this.saved) event.preventDefault();
    });
    this.restore();
    this.showCount();
  }

  // Why a choice cannot be made for a row; null: it can.
  refused(row, choice) {
    const { flags, on, column } = this.table.columns;
    const set = (flags.at(row) ?? "").split(" ");
    if (choice === "truth" && set.includes("blocked")) return `${here.platform} would refuse this value of ${here.truth}.`;
    if (choice === "truth" && this.masters[column.at(row)]) return `${here.platform} decides this field: ${here.truth} is told instead.`;
    if (choice === "truth" && on.at(row) === null && this.isPermission(row) && this.table.columns.truth.at(row) === null) {
      return `${here.truth} says neither yes nor no; a permission is not written from that.`;
    }
    return null;
  }

  isPermission(row) {
    return this.table.columns.kind.at(row) === "permission";
  }

  // The person stays or becomes contactable although the other side says no.
  permits(row, choice) {
    return this.table.columns.on.at(row) === choice;
  }

  cell(cell, row) {
    const group = element("div", "choices");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Your decision");
    const chosen = this.column.at(row);
    for (const [choice, text] of [["truth", `Use ${here.truth} value`], ["platform", `Keep ${here.platform} value`], ["later", "Leave for now"]]) {
      const button = element("button", "", text);
      button.type = "button";
      button.dataset.choice = choice;
      button.setAttribute("aria-pressed", String(chosen === choice));
      const why = this.refused(row, choice);
      if (why) {
        button.disabled = true;
        button.title = why;
      }
      button.addEventListener("click", () => this.choose(row, chosen === choice ? "" : choice));
      group.append(button);
    }
    cell.append(group);
    if (this.permits(row, "truth")) note(cell, `“Use ${here.truth} value” makes this person contactable: it needs your name, and evidence in ${here.truth} newer than the opt-out. Without evidence it is refused.`);
    else if (this.permits(row, "platform")) note(cell, `“Keep ${here.platform} value” leaves this person contactable although ${here.truth} does not say so: it needs your name, and evidence.`);
    const why = this.refused(row, "truth");
    if (why) note(cell, why);
  }

  choose(row, choice) {
    if (this.permits(row, choice) && !this.name.value.trim()) {
      this.say("Type your name first: who leaves somebody contactable answers for it, with evidence.");
      this.name.focus();
      return;
    }
    this.say("");
    this.set(row, choice);
    this.keep();
    const line = this.table.box.querySelector(`tr[data-row="${row}"]`);
    const fresh = this.table.line(row);
    line.replaceWith(fresh);
    fresh.querySelector(`[data-choice="${choice || "later"}"]`)?.focus();
    this.showCount();
  }

  set(row, choice) {
    this.column.index[row] = CHOICES.indexOf(choice);
    this.saved = false;
  }

  // A whole list is decided only where it has one cause or one profile; permissions that would be on are left out.
  showGroup() {
    const { rows, columns } = this.table;
    const cause = this.table.chosenValue("cause");
    const key = rows.length ? columns.key.at(rows[0]) : null;
    const oneProfile = rows.length > 1 && rows.length <= 1000 && rows.every((row) => columns.key.at(row) === key);
    this.group.hidden = !rows.length || (cause === undefined && !oneProfile);
    if (this.group.hidden) return;
    const whose = cause === undefined ? `of profile ${keyText(key)}` : `of cause ${this.table.label("cause", cause)}`;
    this.group.querySelector(".group-text").textContent = `Decide for the ${rows.length.toLocaleString("en")} rows listed ${whose}:`;
  }

  chooseAll(choice) {
    let left = 0;
    for (const row of this.table.rows) {
      if (this.refused(row, choice) || this.permits(row, choice)) left++;
      else this.set(row, choice);
    }
    this.keep();
    this.table.showRows();
    this.showCount();
    this.say(left ? `${left.toLocaleString("en")} left out: a permission goes on one by one only, and refused values not at all.` : "");
  }

  showCount() {
    let decided = 0, later = 0;
    for (const choice of this.column.index) {
      if (choice === 1 || choice === 2) decided++;
      else if (choice === 3) later++;
    }
    document.querySelector(".decided").textContent =
      `${decided.toLocaleString("en")} decided, ${later.toLocaleString("en")} left for now` + (this.saved ? "" : " (not downloaded yet)");
    document.getElementById("download").disabled = decided === 0;
  }

  say(text) {
    document.querySelector(".decision-message").textContent = text;
  }

  // Kept as row numbers and choices, without values of profiles; a browser may refuse, then they live in the page only.
  keep() {
    try {
      const chosen = [];
      this.column.index.forEach((choice, row) => { if (choice) chosen.push([row, choice]); });
      localStorage.setItem(this.store, JSON.stringify(chosen));
    } catch { /* the warning before leaving the page remains */ }
  }

  restore() {
    try {
      const chosen = JSON.parse(localStorage.getItem(this.store) ?? "[]");
      for (const [row, choice] of chosen) this.column.index[row] = choice;
      this.saved = chosen.length === 0;
    } catch { /* nothing kept */ }
  }

  download() {
    const by = this.name.value.trim();
    if (!by) {
      this.say("Type your name: a decision needs somebody who made it.");
      this.name.focus();
      return;
    }
    const { key, column, platform, truth } = this.table.columns;
    const decisions = [];
    this.column.index.forEach((number, row) => {
      const choice = CHOICES[number];
      if (choice !== "truth" && choice !== "platform") return;
      decisions.push({ key: key.at(row), column: column.at(row), platform: platform.at(row), truth: truth.at(row), choice });
    });
    const content = JSON.stringify({ format: 1, run: here.run, table: here.tableName, by, decisions }, null, 1) + "\n";
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
    link.download = `decisions-${here.run.replace(/[^\w.-]/g, "_")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.saved = true;
    this.showCount();
    this.say(`Next: auditor plan ${here.run} --decisions ${link.download}`);
  }
}
