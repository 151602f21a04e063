import { LiveScreen } from "../rendering/live-screen.ts";
import { renderChangeLine, renderLogLine, renderSummary } from "../rendering/progress-line.ts";
import { renderRunFrame } from "../rendering/run-frame.ts";
import type { Terminal } from "../terminal.ts";
import type { FeedLogLine, RunPresenter } from "./run-feed.ts";
import type { ProgressChange, RunProgress } from "./run-progress.ts";

/** Trees up to this size stay on the screen as a whole when the run has ended. */
const wholeTreeTasks = 200;

/** The tree of a run, redrawn in place; for terminals. */
export function createLivePresenter(terminal: Terminal, options: { hint: string; now: () => number }): RunPresenter {
  let progress: RunProgress | null = null;
  const frame = (hint: string, height: number): readonly string[] =>
    progress === null
      ? []
      : renderRunFrame(progress, {
          now: options.now(),
          width: terminal.columns(),
          height,
          paint: terminal.paint,
          hint,
        });
  const screen = new LiveScreen(terminal, () => frame(options.hint, terminal.rows() - 1));
  return {
    begin(begun) {
      progress = begun;
      screen.start();
    },
    changed: () => screen.invalidate(),
    logged: () => screen.invalidate(),
    end() {
      if (progress === null) return;
      const isWhole = progress.total <= wholeTreeTasks;
      screen.stop(frame("", isWhole ? progress.total + 2 : terminal.rows() - 1));
      writeLines(terminal, renderSummary(progress, { paint: terminal.paint, withTails: true }));
    },
  };
}

/** One line per change and per log line; for pipes and CI. */
export function createPlainPresenter(terminal: Terminal): RunPresenter {
  let progress: RunProgress | null = null;
  return {
    begin(begun) {
      progress = begun;
    },
    changed(change: ProgressChange) {
      const line = progress === null ? null : renderChangeLine(progress, change, terminal.paint);
      if (line !== null) terminal.write(`${line}\n`);
    },
    logged(taskId: string, lines: readonly FeedLogLine[]) {
      const rendered = lines.map((line) => renderLogLine({ taskId, ...line, paint: terminal.paint }));
      writeLines(terminal, rendered);
    },
    end() {
      if (progress !== null) writeLines(terminal, renderSummary(progress, { paint: terminal.paint, withTails: false }));
    },
  };
}

/** The log lines alone; for `logs -f`. */
export function createLogPresenter(terminal: Terminal): RunPresenter {
  return {
    ...createSilentPresenter(),
    logged(taskId, lines) {
      writeLines(
        terminal,
        lines.map((line) => renderLogLine({ taskId, ...line, paint: terminal.paint })),
      );
    },
  };
}

/** Nothing: for `--output json`, whose answer comes at the end. */
export function createSilentPresenter(): RunPresenter {
  return { begin: () => undefined, changed: () => undefined, logged: () => undefined, end: () => undefined };
}

function writeLines(terminal: Terminal, lines: readonly string[]): void {
  if (lines.length > 0) terminal.write(`${lines.join("\n")}\n`);
}
