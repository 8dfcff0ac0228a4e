// The worklist: what a steward chooses per row, or for the rows listed of a cause or a profile, and the file of it.

const CHOICES = ["", "truth", "platform", "later", "two_people", "same", "ignore", "withdraw", "grounds", "owners"];
const SAME_PERSON = "auditor:same_person"; // what stands for a field in a decision on two people
const NAME = "auditor name"; // of whoever decides, in the browser's store

class Decisions {
  // `pairs`: the list of probably the same persons; `findings`: that of permissions. Undefined where there are none.
  constructor(table, pairs, findings, salt) {
    this.table = table;
    this.findings = findings;
    this.grounds = new Map();
    this.lists = [table, pairs, findings].filter(Boolean);
    this.kept = new Kept(salt);
    for (const list of this.lists) this.open(list);
    this.name = document.getElementById("by");
    if (findings) {
      for (const button of findings.box.querySelectorAll("[data-all]")) {
        button.addEventListener("click", () => this.answerAll(button.dataset.all));
      }
    }
    this.group = table.box.querySelector(".group");
    this.count = document.querySelector(".decided");
    table.box.addEventListener("filtered", () => this.showGroup());
    for (const button of this.group.querySelectorAll("[data-all]")) {
      button.addEventListener("click", () => this.chooseAll(button.dataset.all));
    }
    this.button = document.getElementById("download");
    this.button.addEventListener("click", () => this.download());
    this.name.addEventListener("change", () => this.kept.put(NAME, this.name.value.trim()));
    const file = document.getElementById("continue");
    file.addEventListener("change", () => {
      if (file.files.length) this.goOn(file.files[0]).finally(() => { file.value = ""; });
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.chosen((one) => !one.by && (this.kept.lost || CHOICES[one.choice] !== "later")).length) event.preventDefault();
    });
    window.addEventListener("storage", (event) => {
      if (event.key === null || event.key === this.kept.store) this.follow(event.key && event.newValue);
    });
    this.restore();
    this.showCount();
  }

  // Give a list its column of choices, with what was decided before, and the filter of them. `own`: row → what was
  // chosen here, when, in whose name it was downloaded (empty: not yet), and whether for a whole group.
  open(list) {
    const { recorded } = list.columns;
    const before = Uint32Array.from({ length: list.size }, (_, row) => Math.max(0, CHOICES.indexOf(recorded?.at(row) ?? "")));
    const index = before.slice();
    list.before = before;
    list.own = new Map();
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
    if (list === this.findings) {
      this.finding(cell, row, list);
      return;
    }
    if (list !== this.table) {
      this.buttons(cell, row, list, [["two_people", "They are two people"], ["same", "The same person"], ["later", "Leave for now"]]);
      this.before(cell, row, list);
      return;
    }
    const refused = this.refused(row, "truth");
    this.buttons(cell, row, list, [["truth", `Use ${here.truth} value`, refused], ["platform", `Keep ${here.platform} value`, this.refused(row, "platform")], ["later", "Leave for now"]]);
    if (this.permits(row, "truth")) note(cell, `“Use ${here.truth} value” makes this person contactable: it needs your name, and evidence in ${here.truth} newer than the opt-out. Without it nothing is written.`);
    else if (this.permits(row, "platform")) note(cell, `“Keep ${here.platform} value” leaves this person contactable although ${here.truth} does not say so: it needs your name.`);
    if (refused) note(cell, refused);
    this.before(cell, row, list);
  }

  // Who decided on a row before, and whether that holds.
  before(cell, row, list) {
    const told = list.columns.decision?.at(row);
    if (told) note(cell, told);
  }

  // A finding on a permission: its own answers, or why there are none to choose.
  finding(cell, row, list) {
    list.renderCell(cell.appendChild(element("div", "")), "answer", row, list);
    if (this.answerable(row)) this.buttons(cell, row, list, [["withdraw", "Withdraw now"], ["grounds", "Record grounds"], ["owners", `Tell the owners of ${here.truth}`], ["later", "Leave for now"]]);
    else if (list.columns.answer.at(row) === "difference") note(cell, "Decide on its difference: choose the profile.");
    else note(cell, "Nothing is to be decided here.");
    const grounds = list.columns.choice.at(row) === "grounds" && this.grounds.get(row);
    if (grounds) note(cell, `until ${grounds.until}: ${grounds.evidence}`);
  }

  answerable(row) {
    return ["open", "changed", "expired", "grounds", "owners", "withdrawn"].includes(this.findings.columns.answer.at(row));
  }

  // The grounds as they are typed above the list; null, and the reader is told, where a part of them is missing.
  typedGrounds() {
    const [evidence, until] = ["evidence", "until"].map((name) => document.getElementById(name));
    const missing = [evidence, until].find((input) => !input.value.trim() || !input.validity.valid);
    if (!missing) return { evidence: evidence.value.trim(), until: until.value };
    this.say("Type the evidence and the last day on which it holds first, above the permission findings.");
    missing.focus();
    return null;
  }

  answerAll(choice) {
    const grounds = choice === "grounds" ? this.typedGrounds() : undefined;
    if (grounds === null) return;
    let left = 0, singly = 0;
    const made = Date.now();
    for (const row of this.findings.rows) {
      if (!this.answerable(row) || this.singly(row, this.findings)) {
        if (this.answerable(row)) singly++;
        else left++;
        continue;
      }
      if (grounds) this.grounds.set(row, grounds);
      this.set(row, { choice: CHOICES.indexOf(choice), made, by: "", group: true }, this.findings);
    }
    this.keep();
    this.findings.showRows();
    this.showCount();
    this.sayGroup(singly, left && `${left.toLocaleString("en")} left out: nothing is to be decided on the finding there.`);
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
      button.addEventListener("click", () => this.choose(row, list.own.get(row)?.choice && chosen === choice ? "" : choice, list));
      group.append(button);
    }
    cell.append(group);
  }

  choose(row, choice, list) {
    if (list === this.table && this.permits(row, choice) && !this.name.value.trim()) {
      this.say("Type your name first: who leaves somebody contactable answers for it.");
      this.name.focus();
      return;
    }
    const grounds = choice === "grounds" ? this.typedGrounds() : undefined;
    if (grounds === null) return;
    this.say("");
    if (grounds) this.grounds.set(row, grounds);
    this.set(row, { choice: CHOICES.indexOf(choice), made: Date.now(), by: "", group: false }, list);
    this.keep();
    this.refresh(row, list, choice || "later");
    this.showCount();
  }

  // Nothing chosen is remembered as such: another tab must not bring back what was taken back.
  set(row, one, list = this.table) {
    list.own.set(row, one);
    list.columns.choice.index[row] = one.choice || list.before[row];
  }

  // Show a row again where it is on the page; `focus`: the choice whose button gets the focus.
  refresh(row, list, focus) {
    const line = list.box.querySelector(`tr[data-row="${row}"]`);
    if (!line) return;
    const focused = focus ?? (line.contains(document.activeElement) ? document.activeElement.dataset.choice : undefined);
    const fresh = list.line(row);
    line.replaceWith(fresh);
    if (focused) fresh.querySelector(`[data-choice="${focused}"]`)?.focus();
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

  // What somebody chose for a row alone stays, and so does what was decided before.
  chooseAll(choice) {
    let left = 0, singly = 0;
    const made = Date.now();
    for (const row of this.table.rows) {
      if (this.singly(row, this.table)) singly++;
      else if (this.refused(row, choice) || this.permits(row, choice)) left++;
      else this.set(row, { choice: CHOICES.indexOf(choice), made, by: "", group: true });
    }
    this.keep();
    this.table.showRows();
    this.showCount();
    this.sayGroup(singly, left && `${left.toLocaleString("en")} left out: a permission is given one by one only, and refused values not at all.`);
  }

  // Whether a row was decided by itself, or before: a decision on all that are listed leaves it.
  singly(row, list) {
    const own = list.own.get(row);
    return Boolean(own?.choice ? !own.group || own.by : list.before[row]);
  }

  sayGroup(singly, left) {
    const before = singly && `${singly.toLocaleString("en")} decided before ${singly === 1 ? "stays as it is" : "stay as they are"}.`;
    this.say([before, left].filter(Boolean).join(" "));
  }

  // What was chosen here and is so: list, row and the choice.
  chosen(so) {
    return this.lists.flatMap((list) => [...list.own].filter(([, one]) => one.choice && so(one)).map(([row, one]) => ({ list, row, one })));
  }

  // What a file would hold: what no file has yet, else what this person has downloaded already. `untyped`: of that the
  // grounds whose evidence this page does not know any more, which no file can have again.
  forFile() {
    const decided = this.chosen((one) => CHOICES[one.choice] !== "later");
    const fresh = decided.filter(({ one }) => !one.by);
    const name = this.name.value.trim();
    const again = decided.filter(({ one }) => one.by && (!name || one.by === name));
    const whole = ({ list, row, one }) => list !== this.findings || CHOICES[one.choice] !== "grounds" || this.grounds.has(row);
    return { fresh, again: again.filter(whole), untyped: again.filter((place) => !whole(place)) };
  }

  showCount() {
    let decided = Number(this.count.dataset.decided), asked = Number(this.count.dataset.asked);
    for (const { list, row } of this.chosen((one) => CHOICES[one.choice] !== "later")) {
      if (list.before[row]) continue;
      decided++;
      if (list.columns.need && list.columns.need.at(row) !== "person") asked++;
    }
    const later = this.chosen((one) => CHOICES[one.choice] === "later").length;
    const { fresh, again, untyped } = this.forFile();
    const before = again.length + untyped.length;
    const format = (number) => number.toLocaleString("en");
    this.count.textContent = `${format(decided)} of ${format(asked)} decided`
      + (later ? `, ${format(later)} left for now` : "")
      + (fresh.length ? ` (${format(fresh.length)} not downloaded yet)` : before ? ` (${format(before)} downloaded by ${[...again, ...untyped][0].one.by})` : "");
    this.button.disabled = !fresh.length && !again.length;
    this.button.textContent = !fresh.length && again.length ? "Download again" : "Download decisions";
  }

  say(text) {
    document.querySelector(".decision-message").textContent = text;
  }

  // Kept together with what another tab has kept.
  keep() {
    this.merge(this.kept.read());
    this.kept.write(this.lists.flatMap((list) => [...list.own].map(([row, one]) => [this.kept.name(this.about(row, list)), one])));
  }

  // Take over what was chosen later elsewhere, and fits. Whether something chosen here is not known there.
  merge(there) {
    const places = there.size ? this.places() : new Map();
    for (const [name, one] of there) {
      const place = places.get(name);
      if (!place || !this.fits(place, one)) this.kept.leave(name, one);
      else if (newer(one, place.list.own.get(place.row))) {
        this.set(place.row, one, place.list);
        this.refresh(place.row, place.list);
      }
    }
    return this.lists.some((list) => [...list.own].some(([row, own]) => newer(own, there.get(this.kept.name(this.about(row, list))))));
  }

  // Where on this page each row is, by the name under which it is kept.
  places() {
    this.named ??= new Map(this.lists.flatMap((list) => [...Array(list.size).keys()].map((row) => [this.kept.name(this.about(row, list)), { row, list }])));
    return this.named;
  }

  // Whether a choice can still be made so. Of grounds the evidence is not kept, for it may tell of people: until they
  // are in a file nothing was chosen.
  fits({ row, list }, { choice, by }) {
    const word = CHOICES[choice];
    if (!word || by) return choice >= 0;
    if (list === this.findings) return word === "later" || (this.answerable(row) && (word !== "grounds" || this.grounds.has(row)));
    return list !== this.table || !this.refused(row, word);
  }

  // Another tab of this worklist has kept something.
  follow(text) {
    const missing = this.merge(this.kept.read(text));
    this.showCount();
    if (missing) this.keep();
  }

  restore() {
    this.kept.put(NAME, this.name.value = this.kept.get(NAME) ?? "");
    this.merge(this.kept.read());
    const unfit = this.kept.unfit();
    if (!unfit.length) return;
    const grounds = unfit.some(({ choice }) => CHOICES[choice] === "grounds") ? " Grounds are typed again: no browser keeps their evidence." : "";
    const [one, is] = unfit.length === 1 ? ["1 choice", "is"] : [`${unfit.length.toLocaleString("en")} choices`, "are"];
    this.say(`${one} made here before and not downloaded ${is} not shown: this page has other values there, or asks something else.${grounds}`);
  }

  // Go on from a file that was downloaded here before, or by somebody else of the same worklist.
  async goOn(file) {
    let content;
    try {
      content = JSON.parse(await file.text());
    } catch { /* said below */ }
    const refused = this.notFor(content);
    if (refused) {
      this.say(`${file.name} was not taken: ${refused}`);
      return;
    }
    const places = new Map(this.lists.flatMap((list) => [...Array(list.size).keys()].map((row) => [JSON.stringify(this.about(row, list)), { row, list }])));
    for (const row of Array(this.findings?.size ?? 0).keys()) places.set(JSON.stringify([...this.about(row, this.findings).slice(0, 4), "withdraw"]), { row, list: this.findings });
    let taken = 0;
    for (const { key, column, platform, truth, choice, made, finding, evidence, until } of content.decisions) {
      const which = choice === "withdraw" ? [choice] : finding ? [finding] : [];
      const place = places.get(JSON.stringify([key, column, platform, truth, ...which]));
      const number = CHOICES.indexOf(choice);
      if (!place || number <= 0) continue;
      taken++;
      if (choice === "grounds") this.grounds.set(place.row, { evidence, until });
      const one = { choice: number, made: Date.parse(made) || file.lastModified, by: content.by, group: false };
      if ((place.list.own.get(place.row)?.made ?? 0) <= one.made) this.set(place.row, one, place.list);
    }
    if (!this.name.value.trim()) this.kept.put(NAME, this.name.value = content.by);
    this.keep();
    for (const list of this.lists) list.showRows();
    this.showCount();
    const missing = content.decisions.length - taken;
    this.say(`${taken.toLocaleString("en")} decisions of ${content.by} are marked here.` + (missing ? ` ${missing.toLocaleString("en")} are about other values than this page shows.` : ""));
  }

  // Why a file is none of this worklist; empty: it is one.
  notFor(content) {
    if (content?.format !== 1 || !Array.isArray(content.decisions) || typeof content.by !== "string") return "it is no file of decisions.";
    if (content.table !== here.tableName) return `its decisions are about the table “${content.table}”, and this worklist is about “${here.tableName}”.`;
    if (content.run !== here.run) return `its decisions were made in the worklist of the run ${content.run}, and this is that of ${here.run}. Put it into the folder decisions: what still holds counts.`;
    return "";
  }

  // Key, field and both values of a row, as a decision has them.
  about(row, list) {
    const { columns } = list;
    if (list === this.findings) return [columns.key.at(row), columns.column.at(row), columns.platform.at(row), columns.truth.at(row), columns.finding.at(row)];
    return columns.other_key === undefined
      ? [columns.key.at(row), columns.column.at(row), columns.platform.at(row), columns.truth.at(row)]
      : [columns.key.at(row), SAME_PERSON, columns.key.at(row), columns.other_key.at(row)];
  }

  download() {
    const by = this.name.value.trim();
    if (!by) {
      this.say("Type your name: a decision needs somebody who made it.");
      this.name.focus();
      return;
    }
    const { fresh, again, untyped } = this.forFile();
    const rows = fresh.length ? fresh : again;
    rows.sort((a, b) => this.lists.indexOf(a.list) - this.lists.indexOf(b.list) || a.row - b.row);
    const decisions = rows.map(({ list, row, one }) => {
      const [key, column, platform, truth, finding] = this.about(row, list);
      const choice = CHOICES[one.choice];
      const more = !finding || choice === "withdraw" ? {} : { finding, ...(choice === "grounds" ? this.grounds.get(row) : {}) };
      return { key, column, platform, truth, choice, made: new Date(one.made).toISOString(), ...more };
    });
    const content = JSON.stringify({ format: 1, run: here.run, table: here.tableName, by, decisions }, null, 1) + "\n";
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
    link.download = `decisions-${here.run.replace(/[^\w.-]/g, "_")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    for (const { list, row, one } of rows) this.set(row, { ...one, by }, list);
    this.kept.put(NAME, by);
    this.keep();
    this.showCount();
    const left = fresh.length ? 0 : untyped.length;
    const grounds = left && `${left.toLocaleString("en")} left out: no browser keeps the evidence of grounds. The file of the first download has ${left === 1 ? "it" : "them"}.`;
    this.say([`Next: put ${link.download} into the folder decisions, or auditor plan ${here.run} --decisions ${link.download}`, grounds].filter(Boolean).join(" "));
  }
}
