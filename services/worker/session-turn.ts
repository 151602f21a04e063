import type { Held, Link, SessionState } from "./session-model.ts";
import type { SessionEffect } from "./session-signals.ts";

/** One step in the making: the state so far, and the effects in the order in which they are to happen. */
export class SessionTurn {
  readonly now: number;
  readonly effects: SessionEffect[] = [];
  #state: SessionState;
  #held: Map<string, Held> | null = null;

  constructor(state: SessionState, now: number) {
    this.#state = state;
    this.now = now;
  }

  get state(): SessionState {
    return this.#state;
  }

  get held(): ReadonlyMap<string, Held> {
    return this.#held ?? this.#state.held;
  }

  get isReady(): boolean {
    return this.#state.link.kind === "ready";
  }

  change(part: Partial<Omit<SessionState, "held">>): void {
    this.#state = { ...this.#state, ...part };
  }

  setLink(link: Link): void {
    this.change({ link });
  }

  put(key: string, held: Held): void {
    this.#writable().set(key, held);
  }

  drop(key: string): void {
    this.#writable().delete(key);
  }

  emit(effect: SessionEffect): void {
    this.effects.push(effect);
  }

  note(level: "info" | "warn", text: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.emit({ kind: "note", level, text, fields });
  }

  finish(): { readonly state: SessionState; readonly effects: readonly SessionEffect[] } {
    const state = this.#held === null ? this.#state : { ...this.#state, held: this.#held };
    return { state, effects: this.effects };
  }

  #writable(): Map<string, Held> {
    this.#held ??= new Map(this.#state.held);
    return this.#held;
  }
}
