import { createPaint, type Paint } from "./rendering/paint.ts";

/** The two streams that a command writes to. Data goes to standard output, all else to standard error. */
export interface Terminal {
  write(text: string): void;
  writeError(text: string): void;
  /** Standard output is a terminal and nobody said `CI`: live views may be drawn. */
  readonly isInteractive: boolean;
  /** Standard error is a terminal: a status line may be drawn there. */
  readonly hasStatusLine: boolean;
  readonly paint: Paint;
  readonly paintError: Paint;
  columns(): number;
  rows(): number;
}

/** The parts of the environment that say how to write, read by the configuration library. */
export interface TerminalPreferences {
  /** `NO_COLOR` is set and not empty. */
  readonly noColor: boolean;
  /** `FORCE_COLOR` is set, not empty and not 0. */
  readonly forceColor: boolean;
  /** `CI` is set and not empty. */
  readonly isCi: boolean;
}

interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

const usualColumns = 80;
const usualRows = 24;

export function createTerminal(
  streams: { out: OutputStream; error: OutputStream },
  preferences: TerminalPreferences,
): Terminal {
  const { out, error } = streams;
  const wantsColor = (stream: OutputStream): boolean =>
    !preferences.noColor && (preferences.forceColor || stream.isTTY === true);
  return {
    write: (text) => void out.write(text),
    writeError: (text) => void error.write(text),
    isInteractive: out.isTTY === true && !preferences.isCi,
    hasStatusLine: error.isTTY === true && !preferences.isCi,
    paint: createPaint(wantsColor(out)),
    paintError: createPaint(wantsColor(error)),
    columns: () => out.columns ?? usualColumns,
    rows: () => out.rows ?? usualRows,
  };
}
