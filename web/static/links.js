// Finds the links in a text, by the rule of web/links.py; tests/links.json holds both to it.
const LINK = /(?<![A-Za-z0-9])https?:\/\/(?=[^\s/?#@:.&]|\[[0-9a-f])[^\s<>"'`\0-\x20\x7f-\xa0\xab\xbb\u034f\u061c\u115f\u1160\u180e\u1680\u2000-\u200f\u2018-\u201f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufeff\uffa0]+/giu;
const TAIL = ".,;:!?*_~…。、，．！？；：";
const BRACKETS = { ")": "(", "]": "[", "}": "{", "）": "（", "」": "「", "』": "『", "】": "【" };
const LONGEST = 2_000;

const count = (text, character) => text.split(character).length - 1;

function withoutTail(link) {
  for (;;) {
    const last = link.at(-1);
    const opening = BRACKETS[last];
    if (!TAIL.includes(last) && !(opening && count(link, opening) < count(link, last))) return link;
    link = link.slice(0, -last.length);
  }
}

function isPlain(link) {
  const authority = link.split("://", 2)[1].split(/[/?#\\]/, 1)[0];
  return link.length <= LONGEST && authority !== "" && !authority.includes("@");
}

function anchor(link) {
  const made = document.createElement("a");
  made.href = made.textContent = link;
  made.target = "_blank";
  made.rel = "noopener noreferrer nofollow ugc";
  return made;
}

// The text as nodes: text stays text, links lead out without telling from where.
export function linked(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const link = withoutTail(match[0]);
    if (!isPlain(link)) continue;
    if (match.index > at) nodes.push(text.slice(at, match.index));
    nodes.push(anchor(link));
    at = match.index + link.length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}
