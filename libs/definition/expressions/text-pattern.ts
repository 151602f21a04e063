import { RE2JS } from "re2js";
import { definitionLimits } from "../limits.ts";

/** Compiled patterns that are kept, by their text. */
const keptPatterns = 200;
const kept = new Map<string, RE2JS>();

/** A pattern of an author, in RE2's syntax: its time grows with the text and with nothing else. */
export interface TextPattern {
  /** Instructions of its program: the time for one character, at most. */
  readonly size: number;
  /** Longer texts are refused, so that no match takes long. */
  readonly longestText: number;
  /** Whether a part of the text matches. Throws a plain Error for a text that is too long. */
  readonly test: (text: string) => boolean;
}

/** Throws a plain Error, whose message goes after the pattern's name, for what is no pattern or too large a one. */
export function compilePattern(pattern: string): TextPattern {
  const expression = kept.get(pattern) ?? compile(pattern);
  const size = expression.programSize();
  const longestText = Math.floor(definitionLimits.patternWork / size);
  const test = (text: string): boolean => {
    if (text.length <= longestText) return expression.test(text);
    throw new Error(`is matched with texts of at most ${longestText} characters, not ${text.length}`);
  };
  return { size, longestText, test };
}

/** What is wrong with a pattern, to go after its name; null: nothing is. */
export function patternProblem(pattern: string): string | null {
  try {
    compilePattern(pattern);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function compile(pattern: string): RE2JS {
  const { patternLength, patternSize } = definitionLimits;
  if (pattern.length > patternLength) throw new Error(`is longer than ${patternLength} characters`);
  const expression = parse(pattern);
  if (expression.programSize() > patternSize)
    throw new Error("repeats too much: its counted repetitions are too large");
  const [oldest] = kept.keys();
  if (kept.size >= keptPatterns && oldest !== undefined) kept.delete(oldest);
  kept.set(pattern, expression);
  return expression;
}

function parse(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^error parsing regexp: /, "") : "";
    throw new Error(`is no regular expression of RE2's syntax${reason === "" ? "" : `: ${reason}`}`, { cause });
  }
}
