// Shows the LaTeX of problems and answers as MathML, made element by element: no text becomes markup.
// What it can't read stays as it was written.
"use strict";
const mathematics = (() => {
  const NAMESPACE = "http://www.w3.org/1998/Math/MathML";
  const MAX_DEPTH = 60; // of groups within groups
  const SYMBOLS = Object.fromEntries(`
    alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ kappa κ lambda λ mu μ nu ν xi ξ pi π
    rho ρ sigma σ tau τ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ
    Psi Ψ Omega Ω ell ℓ infty ∞ partial ∂ nabla ∇ emptyset ∅ varnothing ∅ hbar ℏ Re ℜ Im ℑ angle ∠ triangle △ degree °
    cdot ⋅ times × div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ otimes ⊗ cup ∪ cap ∩ setminus ∖ wedge ∧ vee ∨
    land ∧ lor ∨ neg ¬ lnot ¬ le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ ne ≠ neq ≠ lt < gt > ll ≪ gg ≫ equiv ≡ sim ∼
    approx ≈ cong ≅ simeq ≃ propto ∝ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ perp ⊥ parallel ∥ mid |
    nmid ∤ to → rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ implies ⟹ iff ⟺
    mapsto ↦ longrightarrow ⟶ uparrow ↑ downarrow ↓ forall ∀ exists ∃ therefore ∴ because ∵ ldots … dots … cdots ⋯
    vdots ⋮ ddots ⋱ sum ∑ prod ∏ int ∫ oint ∮ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ langle ⟨ rangle ⟩ lvert | rvert |
    vert | Vert ‖ prime ′ backslash \\ square □ blacksquare ■ checkmark ✓ quad \u2003 qquad \u2003\u2003 colon :
    lbrace { rbrace } bmod mod`.trim().split(/\s+/u).reduce((pairs, word, place) => {
    if (place % 2) pairs.at(-1).push(word);
    else pairs.push([word]);
    return pairs;
  }, []).filter(([name]) => !name.endsWith("quad")));
  const SPACES = { ",": "0.17em", ":": "0.22em", ";": "0.28em", " ": "0.3em", "!": "0em", quad: "1em", qquad: "2em", "~": "0.3em" };
  const FUNCTIONS = new Set(("sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp max min gcd lcm "
    + "lim sup inf det dim ker arg deg mod Pr").split(" "));
  const BLACKBOARD = { R: "ℝ", N: "ℕ", Z: "ℤ", Q: "ℚ", C: "ℂ", P: "ℙ", E: "𝔼" };
  const TEXTS = new Set(["text", "textbf", "textit", "textrm", "mathrm", "mbox", "operatorname", "texttt", "mathsf", "mathtt"]);
  const PLAIN = new Set(["mathbf", "boldsymbol", "mathcal", "mathit", "bm", "mathfrak", "displaylines"]);
  const ACCENTS = { overline: "‾", bar: "¯", hat: "^", widehat: "^", vec: "→", tilde: "~", dot: "˙", overrightarrow: "→" };
  const IGNORED = new Set(("displaystyle textstyle limits nolimits big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr "
    + "left right middle hline nonumber notag").split(" "));
  const FENCES = { pmatrix: "()", bmatrix: "[]", vmatrix: "||", Bmatrix: "{}", cases: "{ ", matrix: "  ", array: "  ",
    aligned: "  ", "align": "  ", "align*": "  ", "equation": "  ", "equation*": "  ", gathered: "  ", smallmatrix: "  " };
  const TOKEN = /\\[A-Za-z]+|\\[^A-Za-z]|\d+(?:[.,]\d+)*|\s+|[^]/gu;
  const INLINE = new RegExp([
    String.raw`\$\$(?<display>[^$]+)\$\$`,
    String.raw`\\\[(?<bracket>[^]+?)\\\]`,
    String.raw`\\\((?<paren>[^]+?)\\\)`,
    String.raw`\$(?![\s$])(?<dollar>[^$\n]*?[^\s$\\])\$(?!\d)`,
    String.raw`(?<block>\\begin\{(?:align\*?|equation\*?|cases|aligned|pmatrix|array)\}[^]+?\\end\{[a-z]+\*?\})`,
    String.raw`(?<boxed>\\boxed\s*\{)`,
  ].join("|"), "gu");

  function node(tag, ...children) {
    const element = document.createElementNS(NAMESPACE, tag);
    element.append(...children);
    return element;
  }

  function space(width) {
    const element = node("mspace");
    element.setAttribute("width", width);
    return element;
  }

  class Reader {
    constructor(source) {
      this.tokens = source.match(TOKEN) ?? [];
      this.place = 0;
      this.depth = 0;
    }

    get next() {
      return this.tokens[this.place];
    }

    skipSpace() {
      while (this.next !== undefined && /^\s+$/u.test(this.next)) this.place += 1;
    }

    // Everything up to a token that ends it, or to the end.
    row(...ends) {
      if ((this.depth += 1) > MAX_DEPTH) throw new Error("too deep");
      const items = [];
      while (this.next !== undefined && !ends.includes(this.next)) {
        const item = this.scripted(items);
        if (item) items.push(item);
      }
      this.depth -= 1;
      return items.length === 1 ? items[0] : node("mrow", ...items);
    }

    // One item; an exponent or index takes the item before it.
    scripted(items) {
      const token = this.next;
      if (/^\s+$/u.test(token)) {
        this.place += 1;
        return null;
      }
      if (!["^", "_", "'"].includes(token)) return this.item();
      const base = items.pop() ?? node("mrow");
      const scripts = {};
      while (["^", "_", "'"].includes(this.next)) {
        const sign = this.tokens[this.place++];
        scripts[sign === "_" ? "low" : "high"] = sign === "'" ? node("mo", "′") : this.argument();
        this.skipSpace();
      }
      if (scripts.low && scripts.high) return node("msubsup", base, scripts.low, scripts.high);
      return scripts.low ? node("msub", base, scripts.low) : node("msup", base, scripts.high);
    }

    argument() {
      this.skipSpace();
      if (this.next === undefined) throw new Error("an argument is missing");
      if (this.next === "{") return this.group();
      // Of "\\frac12" each digit is an argument.
      if (/^\d./u.test(this.next)) this.tokens.splice(this.place, 1, ...this.next);
      return this.item();
    }

    group() {
      this.place += 1;
      const found = this.row("}");
      if (this.next !== "}") throw new Error("a brace is missing");
      this.place += 1;
      return found;
    }

    rawArgument() {
      this.skipSpace();
      if (this.next !== "{") return this.tokens[this.place++] ?? "";
      let depth = 0, text = "";
      do {
        const token = this.tokens[this.place++];
        if (token === undefined) throw new Error("a brace is missing");
        depth += (token === "{") - (token === "}");
        text += token;
      } while (depth > 0);
      return text.slice(1, -1);
    }

    item() {
      const token = this.next;
      if (token === "{") return this.group();
      this.place += 1;
      if (token === "}" || token === "&") throw new Error(`${token} stands alone`);
      if (token.startsWith("\\")) return this.command(token.slice(1));
      if (/^\d/u.test(token)) return node("mn", token);
      if (/^\p{L}/u.test(token)) return node("mi", token);
      if (token === "~") return space(SPACES["~"]);
      return this.operator(token === "-" ? "−" : token);
    }

    // A sign of its own size: only those after \left and \right grow with what stands between them.
    operator(sign, { grows = false } = {}) {
      const element = node("mo", sign);
      if (!grows) element.setAttribute("stretchy", "false");
      return element;
    }

    command(name) {
      if (name in SPACES) return space(SPACES[name]);
      if (name === "\\") return null;
      if (["frac", "dfrac", "tfrac", "cfrac"].includes(name)) return node("mfrac", this.argument(), this.argument());
      if (["binom", "dbinom", "tbinom"].includes(name)) return this.binomial();
      if (name === "sqrt") return this.root();
      if (TEXTS.has(name)) return node("mtext", this.rawArgument().replace(/\\([%$#&_{} ])/gu, "$1"));
      if (name === "mathbb") return node("mi", [...this.rawArgument()].map((letter) => BLACKBOARD[letter] ?? letter).join(""));
      if (PLAIN.has(name)) return this.argument();
      if (name === "boxed" || name === "fbox") return this.boxed();
      if (name in ACCENTS) return node("mover", this.argument(), node("mo", ACCENTS[name]));
      if (name === "underline") return node("munder", this.argument(), node("mo", "_"));
      if (name === "pmod") return node("mrow", node("mo", "("), node("mi", "mod"), space("0.3em"), this.argument(), node("mo", ")"));
      if (name === "begin") return this.environment();
      if (name === "left" || name === "right") return this.fence();
      if (IGNORED.has(name)) return null;
      if (FUNCTIONS.has(name)) return node("mi", name);
      if (name in SYMBOLS) return node(/^\p{L}/u.test(SYMBOLS[name]) ? "mi" : "mo", SYMBOLS[name]);
      if (/^[^A-Za-z]/u.test(name)) return node("mo", name === "|" ? "‖" : name);
      throw new Error(`\\${name} is not known`);
    }

    fence() {
      this.skipSpace();
      const sign = this.tokens[this.place++] ?? "";
      if (sign === ".") return null;
      const name = sign.slice(1);
      return this.operator(sign.startsWith("\\") ? { "{": "{", "}": "}", "|": "‖" }[name] ?? SYMBOLS[name] ?? "" : sign, { grows: true });
    }

    binomial() {
      const fraction = node("mfrac", this.argument(), this.argument());
      fraction.setAttribute("linethickness", "0");
      return node("mrow", node("mo", "("), fraction, node("mo", ")"));
    }

    root() {
      this.skipSpace();
      if (this.next !== "[") return node("msqrt", this.argument());
      this.place += 1;
      const degree = this.row("]");
      this.place += 1;
      return node("mroot", this.argument(), degree);
    }

    boxed() {
      const box = node("mrow", this.argument());
      box.setAttribute("class", "boxed");
      return box;
    }

    environment() {
      const name = this.rawArgument();
      if (!(name in FENCES)) throw new Error(`${name} is not known`);
      if (name === "array") this.rawArgument();
      const rows = [[]];
      while (this.next !== undefined && this.next !== "\\end") {
        rows.at(-1).push(node("mtd", this.row("&", "\\\\", "\\end")));
        if (this.next === "&") this.place += 1;
        else if (this.next === "\\\\") {
          this.place += 1;
          rows.push([]);
        }
      }
      if (this.next === undefined) throw new Error("an environment has no end");
      this.place += 1;
      this.rawArgument();
      const table = node("mtable", ...rows.filter((row) => row.length).map((row) => node("mtr", ...row)));
      const [open, close] = FENCES[name];
      const fences = [open, close].map((sign) => (sign === " " ? "" : node("mo", sign)));
      return node("mrow", fences[0], table, fences[1]);
    }
  }

  // The formula, or the text as it was written where it can't be read.
  function formula(source, written, display) {
    try {
      const reader = new Reader(source);
      const found = node("math", reader.row());
      if (reader.next !== undefined) throw new Error("something is left over");
      found.setAttribute("display", display ? "block" : "inline");
      found.setAttribute("aria-label", source.trim());
      return found;
    } catch {
      return written;
    }
  }

  // Where the brace that opens before this place is closed; -1 where it is not.
  function closing(text, start) {
    for (let place = start, depth = 1; place < text.length; place += 1) {
      if (text[place] === "\\") place += 1;
      else if (text[place] === "{") depth += 1;
      else if (text[place] === "}" && (depth -= 1) === 0) return place;
    }
    return -1;
  }

  function* parts(text) {
    let done = 0;
    INLINE.lastIndex = 0;
    for (let found = INLINE.exec(text); found; found = INLINE.exec(text)) {
      const { display, bracket, paren, dollar, block, boxed } = found.groups;
      let end = INLINE.lastIndex;
      let source = display ?? bracket ?? paren ?? dollar ?? block;
      if (boxed) {
        end = closing(text, end) + 1;
        if (end === 0) return yield text.slice(done);
        source = text.slice(found.index, end);
      }
      yield text.slice(done, found.index);
      yield formula(source, text.slice(found.index, end), Boolean(display ?? bracket ?? block));
      done = INLINE.lastIndex = end;
    }
    yield text.slice(done);
  }

  // Fills an element with a text in which formulas stand between words; one of the grader's answers is a formula.
  function show(element, text, { written = false, whole = false } = {}) {
    if (written) element.textContent = text;
    else if (whole && /[\\^_]/u.test(text) && !text.includes("$")) element.replaceChildren(formula(text, text, false));
    else element.replaceChildren(...parts(text));
  }

  return { show };
})();
