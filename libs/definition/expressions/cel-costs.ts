import {
  type CelFunc,
  CelScalar,
  celError,
  celFunc,
  celList,
  celMethod,
  isCelList,
  isCelMap,
  listType,
} from "@bufbuild/cel";
import { isFirstUse, leftSteps, takeSteps } from "./evaluation-steps.ts";
import { compilePattern } from "./text-pattern.ts";

/** Characters that are read or written in the time of one step. */
const sizeOfStep = 50;

/** An entry of a list or map takes as long as so many characters. */
const sizeOfEntry = 5;

/** Characters of text, times instructions of the pattern, that a match takes in the time of one step. */
const patternWorkOfStep = 100;

/** Steps of what takes long by itself: reading a time from text, and the calendar of a zone. */
const timeSteps = 5;
const zoneSteps = 100;

/** These take the same time whatever the size of what they are given. */
const constantTime: ReadonlySet<string> = new Set(["_[_]", "size", "@step", "@append", "@not_strictly_false"]);

/**
 * The functions, each of which takes steps for the size of what it is given before it begins. A value may hold another
 * many times, and be far larger than the text that made it: its size is counted as far as there are steps.
 */
export function countedFunctions(functions: Iterable<CelFunc>): readonly CelFunc[] {
  return [...functions].map((each) => (constantTime.has(each.name) ? each : counted(each)));
}

/** The steps of a call, whatever the size of what it is given. */
function ownSteps({ name, target, arguments: parameters }: CelFunc): number {
  if (name === "timestamp" || name === "duration") return timeSteps;
  return target !== undefined && parameters.length === 1 && /^get[A-Z]/.test(name) ? zoneSteps : 0;
}

function counted(original: CelFunc): CelFunc {
  const own = ownSteps(original);
  const call: CelFunc["call"] = (id, target, args) => {
    try {
      if (own > 0) takeSteps(own);
      takeStepsFor(target === undefined ? args : [target, ...args]);
      const [separator] = args;
      // A separator is written between all entries.
      if (original.name === "join" && isCelList(target) && typeof separator === "string")
        takeSteps(Math.floor((target.size * separator.length) / sizeOfStep));
    } catch (error) {
      return celError(error, id);
    }
    return original.call(id, target, args);
  };
  return Object.create(original, { call: { value: call } }) as CelFunc;
}

/** Throws a plain Error when the evaluation has no steps left for what they hold. */
export function takeStepsFor(values: readonly unknown[]): void {
  const most = (leftSteps() + 1) * sizeOfStep;
  let size = 0;
  for (const value of values) size = addSize(value, size, most);
  takeSteps(Math.floor(size / sizeOfStep));
}

/** Never goes on far beyond `most`. */
function addSize(value: unknown, size: number, most: number): number {
  if (typeof value === "string") return size + value.length;
  if (value instanceof Uint8Array) return size + value.length;
  let sum = size;
  if (isCelList(value)) {
    const least = size + value.size * sizeOfEntry;
    if (least > most) return least;
    for (const item of value) {
      sum = addSize(item, sum + sizeOfEntry, most);
      if (sum > most) return sum;
    }
  } else if (isCelMap(value)) {
    for (const [key, item] of value.entries()) {
      sum = addSize(item, addSize(key, sum + sizeOfEntry, most), most);
      if (sum > most) return sum;
    }
  }
  return sum;
}

const { STRING, INT, DYN } = CelScalar;
const list = listType(DYN);

/**
 * `replace` that takes steps for its result, and time in proportion to it; and lists that are put together at once, since
 * the library's own are looked through part by part.
 */
export const boundedFunctions: readonly CelFunc[] = [
  celFunc("_+_", [list, list], list, (one, other) => celList([...one, ...other])),
  celMethod("replace", STRING, [STRING, STRING], STRING, function (search, replacement) {
    return replaceAll(this, search, replacement, Number.POSITIVE_INFINITY);
  }),
  celMethod("replace", STRING, [STRING, STRING, INT], STRING, function (search, replacement, count) {
    return replaceAll(this, search, replacement, Number(count));
  }),
];

function replaceAll(text: string, search: string, replacement: string, count: number): string {
  const parts: string[] = [];
  let from = 0;
  while (parts.length < count) {
    const at = search === "" && parts.length > 0 ? from + 1 : from;
    const found = at > text.length ? -1 : text.indexOf(search, at);
    if (found < 0) break;
    parts.push(text.slice(from, found));
    from = found + search.length;
  }
  takeSteps(Math.floor((parts.length * (replacement.length + 1)) / sizeOfStep));
  return [...parts, text.slice(from)].join(replacement);
}

/** Regular expressions of `matches`: the first use of a pattern takes steps for its size, each match for its work. */
export const countedPatterns = {
  compile(pattern: string): { test: (text: string) => boolean } {
    const isFirst = isFirstUse(pattern);
    if (isFirst) takeSteps(pattern.length);
    const compiled = named(() => compilePattern(pattern));
    if (isFirst) takeSteps(compiled.size);
    return {
      test(text) {
        takeSteps(Math.floor((text.length * compiled.size) / patternWorkOfStep));
        return named(() => compiled.test(text));
      },
    };
  },
};

function named<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Error(`its pattern ${(error as Error).message}`, { cause: error });
  }
}
