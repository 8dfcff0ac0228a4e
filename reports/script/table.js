// A table over packed columns: search, filters with counts, sorting, one page of rows in the document at a time.

class Column {
  constructor(packed) {
    this.values = packed.values;
    this.index = packed.index ? Uint32Array.from(packed.index) : Uint32Array.from(packed.values, (_, row) => row);
  }

  at(row) {
    return this.values[this.index[row]];
  }

  // Per distinct value its place in the order of people: 2 before 10, a beside A, empty last.
  get ranks() {
    if (!this.sorted) {
      const compare = new Intl.Collator("en", { numeric: true }).compare;
      const order = this.values.map((_, number) => number);
      order.sort((a, b) => {
        const x = this.values[a], y = this.values[b];
        if (x === null || y === null) return (x === null) - (y === null);
        return compare(x, y);
      });
      this.sorted = new Uint32Array(order.length);
      order.forEach((number, rank) => { this.sorted[number] = rank; });
    }
    return this.sorted;
  }
}

class Table {
  constructor(box, packed, labels, renderCell) {
    this.box = box;
    this.size = packed.rows;
    this.labels = labels;
    this.renderCell = renderCell;
    this.columns = Object.fromEntries(Object.entries(packed.columns).map(([name, column]) => [name, new Column(column)]));
    this.shownColumns = [...box.querySelectorAll("[data-column]")].map((head) => [head.dataset.column, head.className, head.textContent]);
    this.selects = [...box.querySelectorAll("[data-facet]")].filter((select) => this.columns[select.dataset.facet]);
    this.search = box.querySelector("[data-search]");
    this.searched = this.search.dataset.search.split(" ").filter((name) => this.columns[name]);
    this.chosen = {};
    this.sort = null;
    this.page = 0;
    this.listen();
  }

  listen() {
    let timer = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.update(), 120);
    });
    for (const select of this.selects) {
      select.addEventListener("change", () => {
        this.chosen[select.dataset.facet] = select.value === "any" ? null : Number(select.value);
        this.update();
      });
    }
    const form = this.box.querySelector("form");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.filter({});
    });
    this.box.querySelector("[data-size]").addEventListener("change", () => this.turn(-this.page));
    for (const button of this.box.querySelectorAll("[data-page]")) {
      button.addEventListener("click", () => this.turn(Number(button.dataset.page)));
    }
    for (const button of this.box.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => this.sortBy(button.dataset.sort));
    }
  }

  // Drop all filters, then choose these: stored word per facet, and a text to search for.
  filter(facets, text = "") {
    this.chosen = {};
    for (const [name, value] of Object.entries(facets)) {
      const number = this.columns[name].values.indexOf(value);
      this.chosen[name] = number < 0 ? null : number;
    }
    this.search.value = text;
    this.update();
  }

  chosenValue(name) {
    const number = this.chosen[name];
    return number === undefined || number === null ? undefined : this.columns[name].values[number];
  }

  sortBy(name) {
    this.sort = this.sort && this.sort.name === name ? { name, down: !this.sort.down } : { name, down: false };
    for (const head of this.box.querySelectorAll("[data-column]")) {
      if (head.dataset.column === name) head.setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    this.update();
  }

  turn(by) {
    this.page += by;
    this.showRows();
    if (by) this.box.querySelector(".count").scrollIntoView({ block: "nearest" });
  }

  // Distinct values are searched once each; then a row is a look-up per column.
  found() {
    const text = this.search.value.trim().toLowerCase().normalize("NFC");
    if (!text) return null;
    return this.searched.map((name) => {
      const column = this.columns[name];
      const hits = Uint8Array.from(column.values, (value) => value !== null && value.toLowerCase().normalize("NFC").includes(text) ? 1 : 0);
      return [column.index, hits];
    });
  }

  // The rows that pass every filter, and per filter how many would pass with each of its values.
  update() {
    const found = this.found();
    const facets = this.selects.map((select) => {
      const column = this.columns[select.dataset.facet];
      const number = this.chosen[select.dataset.facet] ?? -1;
      return { select, column, index: column.index, number, counts: new Uint32Array(column.values.length), total: 0 };
    });
    const rows = new Uint32Array(this.size);
    let passed = 0;
    next: for (let row = 0; row < this.size; row++) {
      if (found && !found.some(([index, hits]) => hits[index[row]])) continue;
      let failed = null;
      for (const facet of facets) {
        if (facet.number >= 0 && facet.index[row] !== facet.number) {
          if (failed) continue next;
          failed = facet;
        }
      }
      if (failed) {
        failed.counts[failed.index[row]]++;
        failed.total++;
        continue;
      }
      rows[passed++] = row;
      for (const facet of facets) {
        facet.counts[facet.index[row]]++;
        facet.total++;
      }
    }
    this.rows = rows.subarray(0, passed);
    if (this.sort) {
      const { index, ranks } = this.columns[this.sort.name];
      const way = this.sort.down ? -1 : 1;
      this.rows.sort((a, b) => way * (ranks[index[a]] - ranks[index[b]]) || a - b);
    }
    facets.forEach((facet) => this.showFacet(facet));
    this.page = 0;
    this.showRows();
    this.box.dispatchEvent(new Event("filtered"));
  }

  showFacet({ select, column, counts, total, number }) {
    const name = select.dataset.facet;
    const order = Object.keys(this.labels[name] ?? {});
    const numbers = column.values.map((_, at) => at).filter((at) => counts[at] || at === number);
    const place = (at) => {
      const known = order.indexOf(column.values[at] ?? "");
      return known < 0 ? order.length : known;
    };
    const ranks = column.ranks;
    numbers.sort((a, b) => place(a) - place(b) || ranks[a] - ranks[b]);
    select.replaceChildren(new Option(`All (${total.toLocaleString("en")})`, "any"));
    for (const at of numbers) {
      select.add(new Option(`${this.label(name, column.values[at])} (${counts[at].toLocaleString("en")})`, at));
    }
    select.value = number < 0 ? "any" : number;
    select.closest("label").hidden = column.values.length < 2;
    select.closest("label").classList.toggle("active", number >= 0);
  }

  // What a stored word is called; several flags in one cell are named one after another.
  label(name, value) {
    const known = this.labels[name];
    if (value === null || value === "") return known?.[""] ?? "none";
    if (!known) return value;
    return known[value] ?? value.split(" ").map((word) => known[word] ?? word).join(", ");
  }

  showRows() {
    const size = Number(this.box.querySelector("[data-size]").value);
    const pages = Math.max(1, Math.ceil(this.rows.length / size));
    this.page = Math.min(Math.max(0, this.page), pages - 1);
    const start = this.page * size;
    const body = document.createDocumentFragment();
    for (const row of this.rows.subarray(start, start + size)) body.append(this.line(row));
    this.box.querySelector("tbody").replaceChildren(body);
    const format = (number) => number.toLocaleString("en");
    const unit = this.size === 1 ? this.box.dataset.unit.replace(/s$/, "") : this.box.dataset.unit;
    this.box.querySelector(".count").textContent = this.rows.length === this.size
      ? `${format(this.size)} ${unit}`
      : this.rows.length ? `${format(this.rows.length)} of ${format(this.size)} ${unit}` : `None of the ${format(this.size)} ${unit} fits these filters.`;
    if ("people" in this.box.dataset && this.rows.length) {
      const { index, values } = this.columns.key;
      const people = new Set(Array.from(this.rows, (row) => values[index[row]])).size;
      if (people < this.rows.length) this.box.querySelector(".count").textContent += `, ${format(people)} ${people === 1 ? "person" : "people"}`;
    }
    this.box.querySelector(".place").textContent = `Page ${format(this.page + 1)} of ${format(pages)}`;
    this.box.querySelector(".pages").hidden = this.size <= 10;
    this.box.querySelector("[data-page='-1']").disabled = this.page === 0;
    this.box.querySelector("[data-page='1']").disabled = this.page === pages - 1;
    this.box.querySelector("table").setAttribute("aria-rowcount", this.rows.length + 1);
    const filtered = Boolean(this.search.value) || Object.values(this.chosen).some((number) => number !== null);
    this.box.querySelector("[type=reset]").disabled = !filtered;
  }

  line(row) {
    const line = element("tr");
    line.setAttribute("role", "row"); // on small screens rows are laid out as cards, which would hide that they are rows
    line.dataset.row = row;
    this.shownColumns.forEach(([name, className, heading], number) => {
      const cell = element(number ? "td" : "th", className);
      if (!number) cell.scope = "row";
      cell.setAttribute("role", number ? "cell" : "rowheader");
      cell.dataset.heading = heading;
      this.renderCell(cell, name, row, this);
      line.append(cell);
    });
    return line;
  }
}
