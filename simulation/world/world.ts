import { EventQueue, type WorldEvent } from "./event-queue.ts";
import { runMicrotasks } from "./microtasks.ts";
import type { SimProcess } from "./sim-process.ts";
import { Trace } from "./trace.ts";

/**
 * Time and order of a simulation. One event happens after the other, and the next only when every promise callback that
 * the last one caused has run: the same seed gives the same order always.
 */
export class World {
  readonly seed: number;
  readonly trace: Trace;
  readonly violations: string[] = [];
  readonly #queue = new EventQueue();
  #now = 0;
  #sequence = 0;
  #eventCount = 0;

  constructor(seed: number, options: { readonly keepsTrace: boolean }) {
    this.seed = seed;
    this.trace = new Trace(options.keepsTrace);
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  /** Plans a call; with a process it is dropped if that life of the process has ended by then. */
  at(time: number, process: SimProcess | null, call: () => void): WorldEvent {
    this.#sequence += 1;
    const event: WorldEvent = { at: time, sequence: this.#sequence, process, life: process?.life ?? 0, call };
    this.#queue.push(event);
    return event;
  }

  in(delayMs: number, call: () => void): WorldEvent {
    return this.at(this.#now + delayMs, null, call);
  }

  violate(text: string): void {
    this.violations.push(`${this.#now.toFixed(3)} ${text}`);
    this.note("VIOLATION", text);
  }

  /** A line of the trace, and a part of its hash. */
  note(who: string, text: string): void {
    this.trace.add(this.#now, who, text);
  }

  /** Goes on until `isOver`, a violation, or the time; answers whether it was over. */
  run(isOver: () => boolean, untilMs: number): boolean {
    while (this.violations.length === 0 && !isOver()) {
      const event = this.#queue.pop();
      if (event === undefined || event.at > untilMs) return false;
      this.#now = event.at;
      if (event.call === null || !this.#mayHappen(event)) continue;
      this.#eventCount += 1;
      event.call();
      runMicrotasks();
    }
    return this.violations.length === 0;
  }

  #mayHappen(event: WorldEvent): boolean {
    const { process, call } = event;
    if (process === null) return true;
    if (!process.isAlive || process.life !== event.life) return false;
    if (process.pausedUntil <= this.#now || call === null) return true;
    this.#sequence += 1;
    event.at = process.pausedUntil;
    event.sequence = this.#sequence;
    this.#queue.push(event);
    return false;
  }
}
