// Sorts and filters the tables, and shows single problems. Whatever comes from a model reaches the page
// through textContent and value alone.
"use strict";
(() => {
  const STEP = 200; // rows that are shown at once
  const FEW = 10; // rows of a table that needs no filter
  const NONE = "–";
  const NUMBER = /^[^\p{L}\d+−-]*([+−-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)/iu;
  const words = new Intl.Collator("en", { numeric: true });
  const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function choose(label, options, onChange) {
    const select = make("select");
    for (const [value, text] of [["", "all"], ...options]) select.append(new Option(text, value));
    select.addEventListener("change", () => onChange(select.value));
    return make("label", {}, `${label} `, select);
  }

  // The number that a cell begins with: "−4.0", "1,024", "3.00×", "[1.0, 2.0]"; none for "–" and for words.
  function numberIn(text) {
    const found = NUMBER.exec(text);
    return found ? Number(found[1].replaceAll(",", "").replace("−", "-")) : null;
  }

  // Whether a text holds all of these words, in any order.
  function holdsWords(text, wanted) {
    return wanted.split(/\s+/u).every((word) => text.includes(word));
  }

  // ---- Tables ----

  // A row of the page, or one of the data that becomes a row when it is shown.
  class Row {
    constructor(place, cells, element = null) {
      Object.assign(this, { place, cells, element });
    }

    static fromPage(element, place) {
      const cells = [...element.cells].map((cell) => {
        const small = cell.querySelector("small")?.textContent ?? "";
        return [cell.textContent.slice(0, cell.textContent.length - small.length).trim(), small];
      });
      return new Row(place, cells, element);
    }

    static fromData(cells, place) {
      return new Row(place, cells.map((cell) => (typeof cell === "string" ? [cell, ""] : cell)));
    }

    get text() {
      this.lower ??= this.cells.map(([text, small]) => `${text} ${small}`).join(" ").toLowerCase();
      return this.lower;
    }

    // Its element, made after the pattern of the first row.
    shown(pattern) {
      this.element ??= make("tr", {}, ...this.cells.map(([text, small, bold], column) => {
        const cell = pattern.cells[column].cloneNode(false);
        cell.append(bold ? make("strong", { className: "significant", textContent: text }) : text);
        if (small) cell.append(" ", make("small", { textContent: small }));
        return cell;
      }));
      return this.element;
    }
  }

  class Sheet {
    constructor(element) {
      this.table = element.querySelector("table");
      this.body = this.table.tBodies[0];
      this.rows = Sheet.rowsOf(element, this.body);
      this.pattern = this.body.rows[0];
      this.headings = [...this.table.querySelectorAll("[data-column]")];
      this.headings.sort((one, other) => one.dataset.column - other.dataset.column);
      this.groups = [...this.table.querySelectorAll("[data-first]")];
      this.name = element.querySelector("[role=region]").getAttribute("aria-label");
      this.tests = new Map();
      this.order = null;
      this.limit = STEP;
      this.headings.forEach((heading, column) => this.makeSortable(heading, column));
      this.addControls(element);
      this.addStatus(element);
      this.watchEdges(element);
    }

    static rowsOf(element, body) {
      const data = element.querySelector("script");
      const further = data ? JSON.parse(data.textContent) : [];
      const rows = [...body.rows].map(Row.fromPage);
      return rows.concat(further.map((cells, number) => Row.fromData(cells, rows.length + number)));
    }

    makeSortable(heading, column) {
      const button = make("button", { type: "button" }, ...heading.childNodes);
      button.addEventListener("click", () => this.sortBy(column));
      heading.append(button);
    }

    // Numbers begin with the largest, words with the first; a third click brings the suite's order back.
    sortBy(column) {
      const first = this.headings[column].dataset.kind === "number" ? "descending" : "ascending";
      const turns = [null, first, first === "ascending" ? "descending" : "ascending"];
      const now = this.order?.column === column ? this.order.direction : null;
      const direction = turns[(turns.indexOf(now) + 1) % turns.length];
      this.order = direction && { column, direction };
      this.headings.forEach((heading) => heading.removeAttribute("aria-sort"));
      if (direction) this.headings[column].setAttribute("aria-sort", direction);
      this.update();
    }

    compare(one, other) {
      const { column, direction } = this.order;
      const numeric = this.headings[column].dataset.kind === "number";
      const key = (row) => (numeric ? numberIn(row.cells[column][0]) : row.cells[column][0] || null);
      const [a, b] = [key(one), key(other)].map((found) => (found === NONE ? null : found));
      if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
      const found = numeric ? a - b : words.compare(a, b);
      return (direction === "ascending" ? found : -found) || one.place - other.place;
    }

    addControls(element) {
      if (this.rows.length <= FEW && this.groups.length < 3) return;
      const controls = make("div", { className: "controls" });
      controls.setAttribute("role", "group");
      controls.setAttribute("aria-label", `Filter: ${this.name}`);
      const find = make("input", { type: "search", autocomplete: "off", spellcheck: false });
      find.addEventListener("input", () => this.filter("text", find.value.trim().toLowerCase(), Sheet.holds));
      if (this.rows.length > FEW) controls.append(make("label", {}, "Rows with ", find), ...this.selects());
      if (this.groups.length > 1) controls.append(this.groupSelect());
      element.prepend(controls);
    }

    static holds(row, text) {
      return holdsWords(row.text, text);
    }

    filter(key, value, test) {
      this.tests.set(key, value ? (row) => test(row, value) : () => true);
      this.limit = STEP;
      this.update();
    }

    *selects() {
      for (const [column, heading] of this.headings.entries()) {
        const cell = (row) => row.cells[column][0];
        if (heading.dataset.kind === "arm") {
          const part = (number) => (row) => /^(.*?)\+(.*)$/.exec(cell(row))?.[number] ?? "";
          yield* this.select("Method", `${column} method`, part(1));
          yield* this.select("Plug-in", `${column} plug-in`, part(2));
        } else if ("choice" in heading.dataset) {
          const title = heading.textContent;
          yield* this.select(title[0].toUpperCase() + title.slice(1), column, cell);
        }
      }
    }

    *select(label, key, value) {
      const values = new Set(this.rows.map(value).filter((found) => found && found !== NONE));
      if (values.size < 2) return;
      const options = [...values].map((found) => [found, found]);
      yield choose(label, options, (chosen) => this.filter(key, chosen, (row) => value(row) === chosen));
    }

    groupSelect() {
      const options = this.groups.map((group, number) => [String(number), group.textContent]);
      return choose("Benchmark", options, (chosen) => {
        this.group = chosen === "" ? null : this.groups[Number(chosen)];
        this.update();
      });
    }

    addStatus(element) {
      this.status = make("p", { className: "more" });
      this.status.setAttribute("role", "status");
      this.further = make("button", { type: "button", className: "further" });
      this.further.addEventListener("click", () => {
        this.limit += STEP;
        this.update();
      });
      this.further.hidden = true;
      element.append(this.status, this.further);
      element.querySelector(".first")?.remove();
      if (this.rows.length > STEP) this.update();
    }

    // Says what lies beyond the edges of the frame, and keeps the second column beside the first.
    watchEdges(element) {
      this.frame = element.querySelector(".scroll");
      this.edges = make("p", { className: "more edges", hidden: true });
      element.append(this.edges);
      this.frame.addEventListener("scroll", () => this.tellEdges(), { passive: true });
      new ResizeObserver(() => this.tellEdges()).observe(this.frame);
      this.tellEdges();
    }

    tellEdges() {
      const { frame, headings } = this;
      this.table.style.setProperty("--first", `${headings[0].offsetWidth}px`);
      const edge = frame.getBoundingClientRect().right - 2;
      const right = headings.filter((one) => !one.hidden && one.getBoundingClientRect().right > edge + 2).length;
      const below = frame.scrollHeight - frame.clientHeight - frame.scrollTop > 2;
      const cut = right > 0 && frame.scrollWidth - frame.clientWidth - frame.scrollLeft > 2;
      frame.classList.toggle("cut", cut);
      frame.classList.toggle("below", below);
      const told = [cut && `${counted(right, "column")} to the right`, below && "rows below"].filter(Boolean);
      this.edges.hidden = told.length === 0;
      this.edges.textContent = `Cut by the frame, which scrolls: ${told.join(" and ")}.`;
    }

    update() {
      const tests = [...this.tests.values()];
      const found = this.rows.filter((row) => tests.every((test) => test(row)));
      if (this.order) found.sort((one, other) => this.compare(one, other));
      const shown = found.slice(0, this.limit).map((row) => row.shown(this.pattern));
      this.table.classList.toggle("sorted", Boolean(this.order) || found.length < this.rows.length);
      this.showColumns(shown);
      this.body.replaceChildren(...shown);
      this.tell(shown.length, found.length);
    }

    // All columns, or those of one group with the columns that belong to none.
    showColumns(rows) {
      const hidden = this.headings.map((heading, column) => !this.belongs(column));
      this.groups.forEach((group) => (group.hidden = Boolean(this.group) && group !== this.group));
      this.headings.forEach((heading, column) => (heading.hidden = hidden[column]));
      for (const row of rows) [...row.cells].forEach((cell, column) => (cell.hidden = hidden[column]));
    }

    groupOf(column) {
      return this.groups.findLast((group) => {
        const place = column - Number(group.dataset.first);
        return place >= 0 && place < group.colSpan;
      });
    }

    belongs(column) {
      return !this.group || [this.group, undefined].includes(this.groupOf(column));
    }

    title(column) {
      return [this.groupOf(column), this.headings[column]].map((one) => one?.textContent ?? "").join(" ").trim();
    }

    tell(shown, found) {
      const all = found === this.rows.length ? "" : ` of ${this.rows.length.toLocaleString("en")}`;
      const part = shown < found ? `The first ${shown.toLocaleString("en")} of ` : "";
      const sorted = this.order ? `, sorted by ${this.title(this.order.column)}, ${this.order.direction}` : "";
      this.status.textContent = `${part}${counted(found, "row")}${all}${sorted}.`;
      this.further.hidden = shown === found;
      if (this.frame) this.tellEdges();
      this.further.textContent = `Show ${Math.min(STEP, found - shown).toLocaleString("en")} more`;
    }
  }

  // ---- Single problems ----

  const REASONS = {
    different: "another answer than the right one",
    no_answer: "no final answer was found",
    timeout: "the grader ran out of time",
    crash: "the grader failed on it",
  };
  const NO_ANSWER = { missing: true, right: false, reason: "", text: "" };
  // Of two answers that are there.
  const SHOW = {
    differ: (left, right) => left.right !== right.right,
    left: (left, right) => left.right && !right.right,
    right: (left, right) => right.right && !left.right,
    wrong: (left, right) => !left.right && !right.right,
    both: (left, right) => left.right && right.right,
    unread: (left, right) => [left, right].some((one) => one.cut || ["no_answer", "timeout", "crash"].includes(one.reason)),
  };
  const WHOLE = new Set(["gold", "extracted"]); // each a formula, without signs around it
  const MATHEMATICAL = new Set([...WHOLE, "prompt", "text"]);
  const PREFIX = "#problem?";

  class Problem {
    constructor([benchmark, id, prompt, gold, answers]) {
      Object.assign(this, { benchmark, id, prompt, gold });
      this.answers = new Map(answers.map(([model, right, reason, extracted, tokens, cut, text]) => [
        model, { right: Boolean(right), reason, extracted, tokens, cut: Boolean(cut), text },
      ]));
    }

    answer(model) {
      return this.answers.get(Number(model)) ?? NO_ANSWER;
    }

    holds(text, models) {
      const texts = [this.id, this.prompt, this.gold, ...models.map((model) => this.answer(model).text)];
      return holdsWords(texts.join("\n").toLowerCase(), text);
    }

    get solved() {
      return [...this.answers.values()].filter((one) => one.right).length;
    }
  }

  class Drilldown {
    constructor(element) {
      const data = JSON.parse(element.querySelector("script").textContent);
      this.element = element;
      this.models = data.models;
      this.problems = data.problems.map((packed) => new Problem(packed));
      this.fields = Object.fromEntries(
        [...element.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, field]));
      this.fill(data.pair);
      element.hidden = false;
      this.select();
      this.show(0);
      this.follow();
      this.listen();
    }

    part(name, inside = this.element) {
      return inside.querySelector(`[data-part="${name}"]`);
    }

    fill(pair) {
      for (const [field, model] of [[this.fields.left, pair[0]], [this.fields.right, pair[1]]]) {
        this.models.forEach((label, number) => field.append(new Option(label, number)));
        field.value = model;
      }
      const names = new Set(this.problems.map((problem) => problem.benchmark));
      for (const name of names) this.fields.benchmark.append(new Option(name, name));
    }

    listen() {
      const { id, find, ...choices } = this.fields;
      for (const field of Object.values(choices)) field.addEventListener("change", () => this.narrow());
      find.addEventListener("input", () => this.narrow());
      id.addEventListener("change", () => this.go(Number(id.value)));
      for (const button of this.element.querySelectorAll("[data-step]")) {
        button.addEventListener("click", () => this.go(this.place + Number(button.dataset.step)));
      }
      this.part("written").addEventListener("change", () => this.show(this.place));
      this.part("viewer").addEventListener("keydown", (event) => this.turn(event));
      window.addEventListener("hashchange", () => this.follow());
    }

    turn(event) {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey || event.target.matches("select")) return;
      event.preventDefault();
      this.go(this.place + step);
    }

    // The state is the fields and the problem; the address holds it after the first change.
    follow() {
      if (!location.hash.startsWith(PREFIX)) return;
      const wanted = new URLSearchParams(location.hash.slice(PREFIX.length));
      for (const side of ["left", "right"]) {
        const model = this.models.indexOf(wanted.get(side));
        if (model >= 0) this.fields[side].value = model;
      }
      for (const name of ["benchmark", "show", "find"]) this.set(name, wanted.get(name) ?? "");
      this.select();
      const linked = (problem) => problem.id === wanted.get("id") && problem.benchmark === wanted.get("of");
      this.show(Math.max(0, this.found.findIndex(linked)));
      this.reveal();
    }

    set(name, value) {
      this.fields[name].value = value;
      if (this.fields[name].selectedIndex === -1) this.fields[name].value = "";
    }

    reveal() {
      const heading = document.getElementById("problems");
      reveal(heading);
      heading.scrollIntoView();
      heading.focus({ preventScroll: true });
    }

    select() {
      const { left, right, benchmark, show, find } = this.fields;
      const text = find.value.trim().toLowerCase();
      const pair = (problem) => [problem.answer(left.value), problem.answer(right.value)];
      this.found = this.problems.filter((problem) => (!benchmark.value || problem.benchmark === benchmark.value)
        && (!show.value || (pair(problem).every((one) => !one.missing) && SHOW[show.value](...pair(problem))))
        && (!text || problem.holds(text, [left.value, right.value])));
      const rightOf = (side) => this.found.filter((problem) => problem.answer(side.value).right).length;
      this.part("tally").textContent = `${counted(this.found.length, "problem")}: the left model has `
        + `${rightOf(left).toLocaleString("en")} right, the right one ${rightOf(right).toLocaleString("en")}.`;
      const mark = (answer) => (answer.missing ? NONE : answer.right ? "✓" : "✗");
      this.fields.id.replaceChildren(...this.found.map((problem, place) =>
        new Option(`${pair(problem).map(mark).join(" ")}  ${problem.benchmark} · ${problem.id}`, place)));
    }

    // After a change of the fields: the same problem if it is still among them.
    narrow() {
      const current = this.found[this.place];
      this.select();
      this.go(Math.max(0, this.found.indexOf(current)));
    }

    go(place) {
      if (place >= 0 && (place < this.found.length || place === 0)) this.show(place);
      history.replaceState(null, "", this.address());
    }

    address() {
      const state = new URLSearchParams();
      const problem = this.found[this.place];
      if (problem) {
        state.set("of", problem.benchmark);
        state.set("id", problem.id);
      }
      for (const side of ["left", "right"]) state.set(side, this.models[this.fields[side].value]);
      for (const name of ["benchmark", "show", "find"]) {
        if (this.fields[name].value) state.set(name, this.fields[name].value);
      }
      return PREFIX + state;
    }

    show(place) {
      this.place = place;
      const problem = this.found[place];
      this.part("problem").hidden = !problem;
      for (const button of this.element.querySelectorAll("[data-step]")) {
        const next = place + Number(button.dataset.step);
        // Not disabled: that would take the focus, and with it the arrow keys, from whoever reached the end.
        button.setAttribute("aria-disabled", next < 0 || next >= this.found.length);
      }
      if (!problem) return;
      this.fields.id.value = place;
      this.write(this.element, {
        title: `${place + 1} of ${this.found.length}: ${problem.benchmark} · ${problem.id}`,
        prompt: problem.prompt,
        gold: problem.gold,
        solved: `(${problem.solved} of ${counted(problem.answers.size, "model")} right)`,
      });
      this.part("link").href = this.address();
      for (const side of ["left", "right"]) this.showAnswer(side, problem.answer(this.fields[side].value));
    }

    showAnswer(side, answer) {
      const card = this.element.querySelector(`[data-side="${side}"]`);
      card.dataset.verdict = answer.missing ? "none" : answer.right ? "right" : "wrong";
      this.write(card, {
        label: this.models[this.fields[side].value],
        verdict: answer.missing ? "This model has no answer to this problem." : answer.right ? "✓ right" : "✗ wrong",
        reason: answer.right ? "" : REASONS[answer.reason] ?? "",
        extracted: answer.extracted ?? NONE,
        length: `${answer.tokens ? counted(answer.tokens, "token") : ""}${answer.cut ? ", cut off at the limit" : ""}`,
        text: answer.text,
      });
    }

    write(inside, texts) {
      for (const [name, text] of Object.entries(texts)) {
        const written = !MATHEMATICAL.has(name) || this.part("written").checked;
        mathematics.show(this.part(name, inside), text, { written, whole: WHOLE.has(name) });
      }
    }
  }

  // ---- Details ----

  // What a link leads to is shown, also inside of details that were closed.
  function reveal(element) {
    for (let one = element.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
  }

  function followLink() {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    reveal(target);
    target.scrollIntoView();
  }

  function addOpenAll() {
    const sections = [...document.querySelectorAll("details.section")];
    const button = make("button", { type: "button", className: "all", textContent: "Open all" });
    button.addEventListener("click", () => {
      const open = sections.some((section) => !section.open);
      sections.forEach((section) => (section.open = open));
      button.textContent = open ? "Close all" : "Open all";
    });
    document.getElementById("details").after(button);
  }

  addOpenAll();
  followLink();
  window.addEventListener("hashchange", followLink);
  for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", () => reveal(document.getElementById(link.hash.slice(1))));
  for (const element of document.querySelectorAll(".sheet")) new Sheet(element);
  const drilldown = document.getElementById("drilldown");
  if (drilldown) new Drilldown(drilldown);
})();
