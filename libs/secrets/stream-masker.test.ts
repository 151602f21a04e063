import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSecretKeeper } from "./secret-keeper.ts";
import { formsOf } from "./secret-forms.ts";
import { StreamMasker } from "./stream-masker.ts";

/** The stream masked, cut at the given places. */
function maskStream(text: string, secrets: readonly string[], cuts: readonly number[] = []): string {
  const masker = new StreamMasker(secrets.flatMap(formsOf));
  const bytes = Buffer.from(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  const shown = places.slice(1).map((end, index) => masker.push(bytes.subarray(places[index] ?? 0, end)));
  return Buffer.concat([...shown, masker.end()]).toString();
}

const secret = 'pä/ss+w?"ord\n2';

describe("every form of a secret is masked", () => {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  test.each([
    ["raw", secret],
    ["JSON", JSON.stringify(secret)],
    ["JSON with / escaped", JSON.stringify(secret).replaceAll("/", "\\/")],
    ["ASCII JSON", JSON.stringify(secret).replaceAll("ä", "\\u00e4")],
    ["URL", `x=${encodeURIComponent(secret)}&y`],
    ["URL in lower case", encodeURIComponent(secret).toLowerCase()],
    ["form", new URLSearchParams({ a: secret }).toString()],
    ["base64", encode(secret)],
    ["base64 after one byte", encode(`:${secret}`)],
    ["base64 after two bytes", encode(`me${secret}x`)],
    ["base64 after three bytes", encode(`me:${secret}`)],
    ["base64url", Buffer.from(`me:${secret}`).toString("base64url")],
    ["base64 with a newline at the end", encode(`${secret}\n`)],
  ])("%s", (_, text) => {
    const masked = maskStream(`before ${text} after`, [secret]);
    expect(masked).toContain("***");
    for (const form of formsOf(secret)) expect(masked).not.toContain(form.toString());
    expect(masked).toMatch(/^before .* after$/s);
  });

  test("a line of a key file alone, and the file without its last newline", () => {
    const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nAoIBAQDTvwE3\n-----END KEY-----\n";
    expect(maskStream("  MIIEvQIBADANBgkqhkiG\n", [key])).toBe("  ***\n");
    expect(maskStream(`>${key.trim()}<`, [key])).toBe(">***<");
  });
});

describe("streams", () => {
  test("one byte at a time gives the same as all at once", () => {
    const text = `a${secret}b${secret}${secret}c pä/s`;
    const cuts = Array.from({ length: 200 }, (_, cut) => cut);
    expect(maskStream(text, [secret], cuts)).toBe("a***b******c ***");
    expect(maskStream(text, [secret])).toBe("a***b******c ***");
  });

  test("of two secrets that begin alike the longer is masked where it stands", () => {
    const cuts = [4, 5, 6];
    expect(maskStream("word", ["word", "wordless"], cuts)).toBe("***");
    expect(maskStream("wordless", ["word", "wordless"], cuts)).toBe("***");
    expect(maskStream("wordy", ["word", "wordless"], cuts)).toBe("***y");
  });

  test("the beginning of a secret at the end of the output is masked, unless it is short", () => {
    expect(maskStream("say passw", ["password"])).toBe("say ***");
    expect(maskStream("say pa", ["password"])).toBe("say pa");
  });

  test("without secrets pieces go through as they are", () => {
    const piece = Buffer.from("x");
    expect(new StreamMasker([]).push(piece)).toBe(piece);
  });

  test("wherever it is cut, no form is shown, and what is no secret comes unchanged", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 4, maxLength: 7 });
    const parts = fc.array(
      fc.oneof(
        letters.map((text) => ({ text })),
        fc.constant({ text: null }),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(letters, parts, fc.array(fc.nat(200)), (hidden, given, cuts) => {
        const text = given.map((part) => part.text ?? hidden).join("");
        const masked = maskStream(text, [hidden], cuts);
        expect(masked).not.toContain(hidden);
        expect(masked).toBe(maskStream(text, [hidden]));
        const left = text.replaceAll(hidden, "");
        expect(masked.replaceAll("***", "").length).toBeLessThanOrEqual(left.length);
      }),
      { numRuns: 2000 },
    );
  });
});

test("a keeper masks texts, and ignores what is too short", () => {
  const keeper = createSecretKeeper();
  keeper.add("abc");
  expect(keeper.forms).toEqual([]);
  keeper.add("password");
  expect(keeper.maskText("a password, passwor, cGFzc3dvcmQ=")).toBe("a ***, passwor, ***Q=");
});
