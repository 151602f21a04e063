import type { Finding } from "../problem-list.ts";

/** What to say of something in the format that this version does not act on: to ignore it would change its meaning. */
export function notSupported(what: string): Finding {
  return {
    code: "NOT_SUPPORTED",
    message: `${what} is not supported by this version of Millrace yet`,
    hint: "remove it; it would have no effect",
  };
}
