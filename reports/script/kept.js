// What a browser keeps of the choices on a worklist: for a table and a run, row by row, whatever page of it is open.

// 53 bits of a text (cyrb53): they tell rows apart, and say nothing of them to whoever does not know the salt.
function digest(text) {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

class Kept {
  // `salt`: the same for every page of a run, and not in the store.
  constructor(salt) {
    this.store = `auditor ${here.tableName} ${here.run}`;
    this.salt = salt;
    this.elsewhere = new Map(); // what was chosen for rows that this page does not have, or not so
    this.lost = "";
  }

  // The name of a row: key, field and values, or whatever else was decided on. Values of profiles are not kept.
  name(about) {
    return digest(this.salt + JSON.stringify(about));
  }

  // Put a text into the browser's store. It may be full or forbidden: then choices live in the page only, which is said.
  put(name, text) {
    try {
      localStorage.setItem(name, text);
      this.lost = "";
    } catch (problem) {
      const why = problem.name === "QuotaExceededError" ? "its store is full" : "its store may not be used";
      this.lost = `This browser keeps nothing of this page: ${why}. Your choices are in this tab only: download them before you close it.`;
    }
    document.querySelector(".store-message").textContent = this.lost;
  }

  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  }

  // Name → what was chosen; `text` is what the store has, or what another tab put there.
  read(text = this.get(this.store)) {
    try {
      return new Map(JSON.parse(text ?? "[]").map(([name, choice, made, by, group]) => [name, { choice: CHOICES.indexOf(choice), made, by, group }]));
    } catch {
      return new Map(); // nothing kept
    }
  }

  write(own) {
    const all = [...new Map([...this.elsewhere, ...own])];
    this.put(this.store, JSON.stringify(all.map(([name, { choice, made, by, group }]) => [name, CHOICES[choice], made, by, group])));
  }

  leave(name, one) {
    if (newer(one, this.elsewhere.get(name))) this.elsewhere.set(name, one);
  }

  // What was chosen, is in no file, and does not fit this page.
  unfit() {
    return [...this.elsewhere.values()].filter(({ choice, by }) => choice > 0 && CHOICES[choice] !== "later" && !by);
  }
}

// Whether one choice counts before another on the same row: the later one, and of two at one time the downloaded one.
function newer(one, other) {
  return !other || one.made > other.made || (one.made === other.made && Boolean(one.by) && !other.by);
}
