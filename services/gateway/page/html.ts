/** Markup that is safe to send as it is: made by `html` alone. */
export interface Html {
  readonly markup: string;
}

/** What may stand in a template: text is escaped, markup goes in as it is, null and false leave nothing. */
export type HtmlValue = string | number | null | false | Html | readonly HtmlValue[];

const made = new WeakSet<Html>();

/** Builds markup; every value that is not markup itself is escaped, also within attributes (write them in double quotes). */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const texts = parts.map((part, index) => part + (index < values.length ? render(values[index] ?? null) : ""));
  return mark(texts.join(""));
}

/** Text of our own, such as a stylesheet, that must not be escaped. Never give it anything from outside. */
export function ownText(text: string): Html {
  return mark(text);
}

function mark(markup: string): Html {
  const result = { markup };
  made.add(result);
  return result;
}

function render(value: HtmlValue): string {
  if (value === null || value === false) return "";
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  if (isList(value)) return value.map(render).join("");
  // An object of the same shape from elsewhere, e.g. from JSON, is no markup.
  return made.has(value) ? value.markup : escapeHtml(value.markup);
}

function isList(value: Html | readonly HtmlValue[]): value is readonly HtmlValue[] {
  return Array.isArray(value);
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);
}
