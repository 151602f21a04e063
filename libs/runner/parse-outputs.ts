import { AppError } from "#errors/app-error.ts";
import type { Output } from "./runner-protocol.ts";

export const maxValueBytes: number = 1024 * 1024;
export const maxOutputsBytes: number = 16 * 1024 * 1024;
export const maxOutputKeys = 256;

const keyPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,199}$/;
const shownLength = 80;

/**
 * The outputs in the text of an output file: a JSON object, or lines of `key=value`, where `key<<END` begins a value of
 * several lines that ends with a line `END`. Values of lines are text. Of a key given twice the last value counts.
 * Throws `INVALID_OUTPUT`.
 */
export function parseOutputs(text: string): readonly Output[] {
  const body = text.startsWith("\u{FEFF}") ? text.slice(1) : text;
  return checkOutputs(body.trimStart().startsWith("{") ? parseObject(body) : parseLines(body));
}

/** The values as JSON texts, each within its limits. Throws `INVALID_OUTPUT`. */
export function checkOutputs(values: ReadonlyMap<string, unknown>): readonly Output[] {
  if (values.size > maxOutputKeys) {
    throw invalid(`${values.size} keys; a task has at most ${maxOutputKeys}: put several values into one`);
  }
  let total = 0;
  return [...values].map(([key, value]) => {
    if (!keyPattern.test(key)) {
      throw invalid(
        `key ${show(key)} is not letters, digits, dots, hyphens and underscores, at most 200, beginning with a letter or underscore`,
      );
    }
    findBadText(key, value);
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) throw invalid(`the value of ${key} has no JSON form`);
    const bytes = Buffer.byteLength(json);
    if (bytes > maxValueBytes)
      throw invalid(`the value of ${key} has ${bytes} bytes; at most ${maxValueBytes} are kept: put a reference`);
    total += bytes;
    if (total > maxOutputsBytes)
      throw invalid(`all values together have more than ${maxOutputsBytes} bytes: put references`);
    return { key, json };
  });
}

export function invalidOutput(reason: string): AppError {
  return invalid(reason);
}

function invalid(reason: string): AppError {
  return new AppError("INVALID_OUTPUT", `outputs: ${reason}`);
}

function parseObject(text: string): ReadonlyMap<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_OUTPUT", `outputs: no valid JSON: ${(cause as Error).message}`, { cause });
  }
  return new Map(Object.entries(parsed as object));
}

function parseLines(text: string): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  const lines = text.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (line.trim() === "") continue;
    const equals = line.indexOf("=");
    const begin = line.indexOf("<<");
    if (begin > 0 && (equals === -1 || begin < equals)) {
      const end = findEnd(lines, index, line.slice(begin + 2));
      values.set(line.slice(0, begin), lines.slice(index + 1, end).join("\n"));
      index = end;
    } else if (equals > 0) {
      values.set(line.slice(0, equals), line.slice(equals + 1));
    } else {
      throw invalid(`line ${index + 1} (${show(line)}) is neither key=value nor key<<END`);
    }
  }
  return values;
}

/** Index of the line that ends a value of several lines. */
function findEnd(lines: readonly string[], start: number, word: string): number {
  if (word === "") throw invalid(`line ${start + 1} has no word after <<`);
  const end = lines.indexOf(word, start + 1);
  if (end === -1) throw invalid(`the value that begins in line ${start + 1} has no end: no line ${show(word)} follows`);
  return end;
}

/** NUL characters and halves of surrogate pairs can't be stored; they are refused by name instead of being changed. */
function findBadText(key: string, value: unknown): void {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const current = pending.pop();
    if (typeof current === "string") checkText(key, current);
    if (typeof current === "number" && !Number.isFinite(current))
      throw invalid(`the value of ${key} holds a number that JSON can't carry`);
    if (typeof current !== "object" || current === null) continue;
    for (const [name, inner] of Object.entries(current)) {
      if (!Array.isArray(current)) checkText(key, name);
      pending.push(inner);
    }
  }
}

function checkText(key: string, text: string): void {
  if (text.includes("\0"))
    throw invalid(
      `the value of ${key} holds a NUL character (\\u0000), which can't be stored: encode it, for instance as base64`,
    );
  if (!text.isWellFormed())
    throw invalid(
      `the value of ${key} holds half of a surrogate pair, which is no text: encode it, for instance as base64`,
    );
}

function show(text: string): string {
  return JSON.stringify(text.length <= shownLength ? text : `${text.slice(0, shownLength)}…`);
}
