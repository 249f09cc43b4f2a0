/** Markdown to safe HTML, block by block, so that of a text that grows only the last block is made again.
 *
 * HTML inside a message is text like any other. What comes of the rest is sanitised; the page's policy allows no inline code either.
 */
import DOMPurify from "dompurify";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { Marked, type Token, Tokenizer } from "marked";

const LANGUAGES = { bash, c, css, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

export interface Block {
  html: string;
  code?: string; // what is to be copied
  language?: string;
}

const HIGHLIGHTED_CHARS = 20_000;
const KEPT = 2000;
const IN_VAIN_CHARS = 3_000_000; // that are looked through for ends of emphasis that are not there: some texts would take seconds
const made = new Map<string, Block>();
const tooDeep = new Set<string>(); // texts that the parser gave up on, so nested are they: they are shown as they were written
let inVain = 0; // so far in this text

const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
const marked = new Marked({
  gfm: true,
  breaks: true,
  tokenizer: {
    emStrong(...asked) {
      return patiently(asked, () => Tokenizer.prototype.emStrong.apply(this, asked));
    },
    del(...asked) {
      return patiently(asked, () => Tokenizer.prototype.del.apply(this, asked));
    },
  },
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ href, text }) => `<a href="${escape(href)}">${escape(text || href)}</a>`, // nothing is loaded from elsewhere
  },
});
const TAGS = ["a", "p", "br", "strong", "em", "del", "code", "pre", "span", "blockquote", "ul", "ol", "li", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "input"];
const RULES = { ALLOWED_TAGS: TAGS, ALLOWED_ATTR: ["href", "class", "start", "align", "type", "checked", "disabled"], ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i };
DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") (node.setAttribute("target", "_blank"), node.setAttribute("rel", "noopener noreferrer nofollow"));
  if (node.tagName === "INPUT" && node.getAttribute("type") !== "checkbox") node.remove();
});

/** What is found at the beginning of a text; nothing any more where too much was looked through in vain. */
function patiently<T>([text, , before = ""]: [string, string, string?], look: () => T): T | undefined {
  if (inVain > IN_VAIN_CHARS) return undefined;
  const found = look();
  const isName = text[0] === "_" && /[\p{L}\p{N}]/u.test(before); // as in snake_case: no emphasis, and nothing is looked for
  if (!found && !isName && /^[*_~]+\S/.test(text)) inVain += text.length;
  return found;
}

/** The blocks of a text: paragraphs, lists, tables, pieces of code. */
export function blocks(text: string): Block[] {
  inVain = 0;
  try {
    if (!tooDeep.has(text)) return marked.lexer(text).filter(({ type }) => type !== "space" && type !== "def").map(kept);
  } catch {
    if (tooDeep.size >= KEPT) tooDeep.clear();
    tooDeep.add(text);
  }
  return [{ html: escape(text).replaceAll("\n", "<br>") }];
}

function kept(token: Token): Block {
  const key = `${token.type} ${token.raw}`;
  const block = made.get(key) ?? render(token);
  if (made.size >= KEPT) made.clear();
  made.set(key, block);
  return block;
}

function render(token: Token): Block {
  if (token.type !== "code") return { html: clean(marked.parser([token])) };
  const language = (token["lang"] ?? "").split(/\s/)[0].toLowerCase();
  const code = token["text"] as string;
  const known = hljs.getLanguage(language) && code.length < HIGHLIGHTED_CHARS;
  return { html: clean(known ? hljs.highlight(code, { language, ignoreIllegals: true }).value : escape(code)), code, language };
}

function clean(html: string): string {
  return DOMPurify.sanitize(html, RULES);
}
