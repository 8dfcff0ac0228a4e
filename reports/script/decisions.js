// The worklist: what a steward chooses per row, or for the rows listed of a cause or a profile, and the file of it.

const CHOICES = ["", "truth", "platform", "later", "two_people"];
const SAME_PERSON = "auditor:same_person"; // what stands for a field in a decision on two people

class Decisions {
  // `pairs`: the list of probably the same persons; undefined where there are none.
  constructor(table, pairs, run, digest) {
    this.table = table;
    this.lists = pairs ? [table, pairs] : [table];
    this.store = `auditor ${run} ${digest}`;
    this.saved = true;
    for (const list of this.lists) this.open(list);
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

  // Give a list its column of choices, and the filter of them.
  open(list) {
    const index = new Uint32Array(list.size);
    list.columns.choice = { values: CHOICES, index, at: (row) => CHOICES[index[row]], ranks: CHOICES.map((_, number) => number) };
    list.selects = [...list.box.querySelectorAll("[data-facet]")];
    for (const select of list.selects.filter((select) => select.dataset.facet === "choice")) {
      select.addEventListener("change", () => {
        list.chosen.choice = select.value === "any" ? null : Number(select.value);
        list.update();
      });
    }
  }

  // Why a choice cannot be made for a row of the differences, as the plan would say; null: it can.
  refused(row, choice) {
    const { answers, refused } = this.table.columns;
    if (choice === "later" || answers.at(row).split(" ").includes(choice)) return null;
    return `Nothing would be written: ${this.table.label("refused", refused.at(row))}.`;
  }

  // The person stays or becomes contactable although the other side says no.
  permits(row, choice) {
    return this.table.columns.on.at(row) === choice;
  }

  cell(cell, row, list) {
    if (list !== this.table) {
      this.buttons(cell, row, list, [["two_people", "They are two people"], ["later", "Leave for now"]]);
      return;
    }
    const refused = this.refused(row, "truth");
    this.buttons(cell, row, list, [["truth", `Use ${here.truth} value`, refused], ["platform", `Keep ${here.platform} value`, this.refused(row, "platform")], ["later", "Leave for now"]]);
    if (this.permits(row, "truth")) note(cell, `“Use ${here.truth} value” makes this person contactable: it needs your name, and evidence in ${here.truth} newer than the opt-out. Without evidence it is refused.`);
    else if (this.permits(row, "platform")) note(cell, `“Keep ${here.platform} value” leaves this person contactable although ${here.truth} does not say so: it needs your name, and evidence.`);
    if (refused) note(cell, refused);
  }

  // One button per choice: its word, its text, and why it cannot be made.
  buttons(cell, row, list, choices) {
    const group = element("div", "choices");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Your decision");
    const chosen = list.columns.choice.at(row);
    for (const [choice, text, why] of choices) {
      const button = element("button", "", text);
      button.type = "button";
      button.dataset.choice = choice;
      button.setAttribute("aria-pressed", String(chosen === choice));
      if (why) {
        button.disabled = true;
        button.title = why;
      }
      button.addEventListener("click", () => this.choose(row, chosen === choice ? "" : choice, list));
      group.append(button);
    }
    cell.append(group);
  }

  choose(row, choice, list) {
    if (list === this.table && this.permits(row, choice) && !this.name.value.trim()) {
      this.say("Type your name first: who leaves somebody contactable answers for it, with evidence.");
      this.name.focus();
      return;
    }
    this.say("");
    this.set(row, choice, list);
    this.keep();
    const line = list.box.querySelector(`tr[data-row="${row}"]`);
    const fresh = list.line(row);
    line.replaceWith(fresh);
    fresh.querySelector(`[data-choice="${choice || "later"}"]`)?.focus();
    this.showCount();
  }

  set(row, choice, list = this.table) {
    list.columns.choice.index[row] = CHOICES.indexOf(choice);
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
    for (const { columns } of this.lists) {
      for (const choice of columns.choice.index) {
        if (CHOICES[choice] === "later") later++;
        else if (choice) decided++;
      }
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
      const chosen = this.lists.map(({ columns }) => [...columns.choice.index.entries()].filter(([, choice]) => choice));
      localStorage.setItem(this.store, JSON.stringify(chosen));
    } catch { /* the warning before leaving the page remains */ }
  }

  restore() {
    try {
      const chosen = JSON.parse(localStorage.getItem(this.store) ?? "[]");
      chosen.forEach((rows, place) => {
        for (const [row, choice] of rows) this.lists[place].columns.choice.index[row] = choice;
      });
      this.saved = chosen.every((rows) => rows.length === 0);
    } catch { /* nothing kept */ }
  }

  download() {
    const by = this.name.value.trim();
    if (!by) {
      this.say("Type your name: a decision needs somebody who made it.");
      this.name.focus();
      return;
    }
    const decisions = this.lists.flatMap(({ size, columns }) => {
      const pair = columns.other_key !== undefined;
      const decided = [...Array(size).keys()].filter((row) => !["", "later"].includes(columns.choice.at(row)));
      return decided.map((row) => ({
        key: columns.key.at(row),
        column: pair ? SAME_PERSON : columns.column.at(row),
        platform: (pair ? columns.key : columns.platform).at(row),
        truth: (pair ? columns.other_key : columns.truth).at(row),
        choice: columns.choice.at(row),
      }));
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
