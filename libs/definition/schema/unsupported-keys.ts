import type { Finding } from "../problem-list.ts";

/** Keys of the format that this version does not act on. They are refused, since ignoring them would change meaning. */
const dagKeys = new Set<string>();

const taskKeys = new Set<string>();

const keysByPlace = {
  dag: dagKeys,
  task: taskKeys,
  other: new Set<string>(),
};

export type KeyPlace = keyof typeof keysByPlace;

/** What to say about a key that this version of Millrace can't act on yet; null for any other key. */
export function unsupportedKey(key: string, place: KeyPlace): Finding | null {
  return keysByPlace[place].has(key) ? notSupported(`the key \`${key}\``) : null;
}

export function notSupported(what: string): Finding {
  return {
    code: "NOT_SUPPORTED",
    message: `${what} is not supported by this version of Millrace yet`,
    hint: "remove it; it would have no effect",
  };
}
