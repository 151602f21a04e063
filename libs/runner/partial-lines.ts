import { createLineSplitter, type LineSplitter } from "./line-splitter.ts";
import type { LogBlock } from "./log-queue.ts";
import type { LogText } from "./runner-protocol.ts";

/** Turns what is read from several sources into blocks of whole lines, and keeps the lines whose ends have not come. */
export class PartialLines {
  readonly #sources = new Map<LogText["source"], { readonly splitter: LineSplitter; since: number }>();

  push(source: LogText["source"], piece: Buffer): LogBlock | null {
    const state = this.#sources.get(source) ?? { splitter: createLineSplitter(), since: 0 };
    this.#sources.set(source, state);
    const at = Date.now();
    const wasWhole = state.splitter.pendingBytes === 0;
    const bytes = state.splitter.push(piece);
    if (wasWhole || bytes !== null) state.since = at;
    return bytes === null ? null : { source, at, bytes };
  }

  /** Beginnings of lines that have waited so long, each as a line of its own. */
  takeOlderThan(ageMs: number): readonly LogBlock[] {
    const at = Date.now();
    return [...this.#sources].flatMap(([source, { splitter, since }]) => {
      const bytes = at - since < ageMs ? null : splitter.flush();
      return bytes === null ? [] : [{ source, at, bytes }];
    });
  }

  /** Everything: no more will come. */
  takeAll(): readonly LogBlock[] {
    const blocks: LogBlock[] = [];
    while (this.hasAny) blocks.push(...this.takeOlderThan(0));
    return blocks;
  }

  get hasAny(): boolean {
    return [...this.#sources.values()].some(({ splitter }) => splitter.pendingBytes > 0);
  }
}
