import { spinnerFrame } from "./rendering/state-style.ts";
import type { Terminal } from "./terminal.ts";

/** Work that takes longer than this shows that it goes on. */
const quietMs = 2_000;
const redrawMs = 100;
/** How often a plain line says so where there is no terminal. */
const plainLineMs = 30_000;

/** Waits for `work` and shows `label` on standard error while it takes longer than two seconds. */
export async function withProgress<T>(terminal: Terminal, label: string, work: Promise<T>): Promise<T> {
  const begunAt = performance.now();
  let isShown = false;
  let nextLineMs = plainLineMs;
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - begunAt;
    if (elapsedMs < quietMs) return;
    const seconds = Math.floor(elapsedMs / 1000);
    if (terminal.hasStatusLine) {
      isShown = true;
      terminal.writeError(`\r${terminal.paintError("blue", spinnerFrame(elapsedMs))} ${label} ${seconds} s\u001b[K`);
    } else if (elapsedMs >= nextLineMs) {
      nextLineMs += plainLineMs;
      terminal.writeError(`${label} ${seconds} s\n`);
    }
  }, redrawMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (isShown) terminal.writeError("\r\u001b[K");
  }
}
