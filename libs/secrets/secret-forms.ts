/** Shorter secrets would mask half of every log; a secret has more. */
export const minSecretLength = 4;
/** Pieces of a base64 form shorter than this say nothing. */
const minEncodedLength = 5;
/** Lines of a longer secret, such as a key file, that are masked on their own. */
const minLineLength = 8;

/** Everything that a secret may look like in a log: as it is, its lines, and its JSON, URL and base64 forms. */
export function formsOf(secret: string): readonly Buffer[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.trim().length >= minLineLength);
  const texts = [secret, secret.trim(), ...lines].filter((text) => text.length >= minSecretLength);
  const forms = new Set(texts.flatMap((text) => [text, ...jsonForms(text), ...urlForms(text)]));
  for (const form of base64Forms(Buffer.from(secret))) forms.add(form);
  for (const form of base64Forms(Buffer.from(secret.trim()))) forms.add(form);
  return [...forms].map((form) => Buffer.from(form));
}

/** Also with everything beyond ASCII escaped, and `/`, as some libraries do. */
function jsonForms(text: string): readonly string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  const ascii = plain.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return [plain, ascii, plain.replaceAll("/", "\\/")];
}

function urlForms(text: string): readonly string[] {
  const encoded = encodeURIComponent(text.toWellFormed());
  const strict = encoded.replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const forms = [encoded, strict, strict.replaceAll("%2F", "/"), strict.replaceAll("%20", "+")];
  return forms.flatMap((form) => [form, form.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())]);
}

/** The characters that depend on the secret alone, wherever it stands in what was encoded; three places are possible. */
function base64Forms(secret: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), secret]).toString("base64");
    const first = Math.ceil((offset * 8) / 6);
    const form = encoded.slice(first, Math.floor(((offset + secret.length) * 8) / 6));
    return form.length < minEncodedLength ? [] : [form, form.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
