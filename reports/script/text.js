// Values as people can read them: nothing hidden, what differs marked. Everything becomes text nodes, never markup.

const INVISIBLE = /^[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u034F\u115F\u1160\u17B4\u17B5\u3164\uFFA0]$/u;
const BLANK = /^\p{Zs}$/u;
const EMOJI = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F]$/u;
const LONGEST_SHOWN = 300;
const LONGEST_COMPARED = 600;

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function codePoint(character) {
  return "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
}

// What stands for the character at `at` where it would not be seen itself; null: it shows itself.
function stand(characters, at, spelt) {
  const character = characters[at];
  if (character === " ") {
    const edge = at === 0 || at === characters.length - 1;
    return edge || characters[at - 1] === " " || characters[at + 1] === " " ? "·" : null;
  }
  if (character === "\u00A0" || character === "\u202F") return "␣";
  if (character === "\u200D" && at > 0 && EMOJI.test(characters[at - 1])) return null;
  if (BLANK.test(character) || INVISIBLE.test(character)) return `⟨${codePoint(character)}⟩`;
  if (spelt && character.codePointAt(0) > 127) return `${/^\p{M}$/u.test(character) ? "◌" : ""}${character}⟨${codePoint(character)}⟩`;
  return null;
}

// Which characters of `a` and `b` have no counterpart on the other side, as two arrays of booleans; null: too
// different for marks to help anybody.
function unlike(a, b) {
  if (a.length > LONGEST_COMPARED || b.length > LONGEST_COMPARED) return unlikeEnds(a, b);
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j]
        ? common[(i + 1) * width + j + 1] + 1
        : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  if (common[0] * 2 < Math.max(a.length, b.length)) return null;
  const inA = new Array(a.length).fill(true), inB = new Array(b.length).fill(true);
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) inA[i++] = inB[j++] = false;
    else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) i++;
    else j++;
  }
  return [inA, inB];
}

function unlikeEnds(a, b) {
  const shorter = Math.min(a.length, b.length);
  let start = 0, end = 0;
  while (start < shorter && a[start] === b[start]) start++;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  if ((start + end) * 2 < Math.max(a.length, b.length)) return null;
  return [a, b].map((side) => side.map((_, at) => at >= start && at < side.length - end));
}

// Fill `cell` with a value; `marked` says which characters to mark, `spelt` that marked ones show their code point.
function showValue(cell, value, marked, spelt) {
  if (value === null || value === "") {
    cell.append(element("span", "empty", value === null ? "empty" : "empty text"));
    return;
  }
  const characters = Array.from(value);
  const first = marked ? Math.max(0, marked.indexOf(true)) : 0;
  const from = characters.length > LONGEST_SHOWN && first > LONGEST_SHOWN - 40 ? first - 40 : 0;
  const box = element("bdi", "text");
  const fill = (start, end) => {
    box.replaceChildren();
    if (start > 0) box.append(element("span", "inv", "…"));
    let run = "", on = false;
    let target = box;
    const flush = () => {
      if (run) target.append(run);
      run = "";
    };
    for (let at = start; at < end; at++) {
      const mark = Boolean(marked && marked[at]);
      if (mark !== on) {
        flush();
        on = mark;
        target = on ? box.appendChild(element("mark")) : box;
      }
      const shown = stand(characters, at, spelt && mark) ?? (mark && characters[at] === " " ? "·" : null);
      if (shown === null) {
        run += characters[at];
        continue;
      }
      flush();
      const sign = element("span", "inv", shown);
      sign.title = codePoint(characters[at]);
      target.append(sign);
    }
    flush();
    if (end < characters.length) box.append(element("span", "inv", "…"));
  };
  fill(from, Math.min(characters.length, from + LONGEST_SHOWN));
  cell.append(box);
  if (characters.length > LONGEST_SHOWN) {
    const more = element("button", "quiet more", `Show all ${characters.length.toLocaleString("en")} characters`);
    more.type = "button";
    more.addEventListener("click", () => {
      fill(0, characters.length);
      more.remove();
    });
    cell.append(" ", more);
  }
}

// A key of several columns is a JSON array; people read its parts.
function keyText(key) {
  if (key === null) return "no key";
  if (Number(document.body.dataset.keyParts) > 1 && key.startsWith("[")) {
    try {
      return JSON.parse(key).join(" · ");
    } catch { /* then it is no such key */ }
  }
  return key;
}

// Fill `cell` with names of fields, which may break between their words and nowhere else.
function showField(cell, names) {
  const words = (names ?? "").split(/(?<=[#_.-])(?=.)|(?<=[a-z0-9])(?=[A-Z])/);
  words.forEach((word, at) => {
    if (at) cell.append(element("wbr"));
    if (word) showValue(cell, word);
  });
}
