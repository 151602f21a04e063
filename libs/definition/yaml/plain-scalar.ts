import { CST, Document, isScalar, type ScalarTag } from "yaml";
import type { Json } from "../model.ts";

/** Characters of a key; rules of YAML about longer ones are left to the composer. */
const maxKeyLength = 500;

/** The value of a scalar; undefined: it has a fault, or is a number that JSON can't hold exactly. */
export function readPlainScalar(token: CST.FlowScalar | CST.BlockScalar): Json | undefined {
  const text = isVerbatim(token) ? token.source : resolveText(token);
  return token.type === "scalar" && text !== undefined ? valueOf(text) : text;
}

/** The name that a scalar gives as a key, which is as it is written; undefined: it is another kind of key, or has a fault. */
export function readPlainKey(token: CST.Token | null | undefined): string | undefined {
  if (token?.type !== "scalar" && token?.type !== "single-quoted-scalar" && token?.type !== "double-quoted-scalar")
    return undefined;
  const { source, end } = token;
  if (end !== undefined || source.length > maxKeyLength || source.includes("\n")) return undefined;
  return isVerbatim(token) ? source : resolveText(token);
}

/** Whether a scalar is its own text: all of one line are that have no quotes and don't begin with a mark of YAML. */
function isVerbatim({ type, source }: CST.FlowScalar | CST.BlockScalar): boolean {
  return type === "scalar" && !/^[\t,%|>@`]|\n/.test(source);
}

/** Undefined: it has a fault. */
function resolveText(token: CST.FlowScalar | CST.BlockScalar): string | undefined {
  let isFaulty = false;
  const { value } = CST.resolveAsScalar(token, true, () => {
    isFaulty = true;
  });
  return isFaulty ? undefined : value;
}

/** What a scalar without quotes may be besides text, in the order in which it is tried. */
const scalarTags: readonly ScalarTag[] = new Document(null, { version: "1.2" }).schema.tags.filter(
  (tag): tag is ScalarTag => tag.collection === undefined && tag.default === true && tag.test !== undefined,
);

/** Texts that begin in another way are text. */
const maybeOther = /^(?:[-+.\d~]|[Nn]ull$|NULL$|[Tt]rue$|TRUE$|[Ff]alse$|FALSE$|$)/;

function valueOf(text: string): Json | undefined {
  const tag = maybeOther.test(text) ? scalarTags.find(({ test }) => test?.test(text)) : undefined;
  if (tag === undefined) return text;
  const resolved = tag.resolve(text, () => undefined, {});
  const value = isScalar(resolved) ? resolved.value : resolved;
  if (value === null || typeof value === "boolean") return value;
  return typeof value === "number" && isExact(value) ? value : undefined;
}

/** Whether JSON can hold the number as it is written. */
export function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}
