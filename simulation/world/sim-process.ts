import type { Clock, Timer } from "#ports/clock.ts";
import { RandomStream } from "./random.ts";
import type { World } from "./world.ts";

/**
 * One process: it is the clock of everything in it. A crash ends a life, and what that life had planned never happens; a
 * pause (a stopped process, a blocked loop, a swapped host) lets everything wait until it is over.
 */
export class SimProcess implements Clock {
  readonly name: string;
  readonly #world: World;
  readonly #random: RandomStream;
  /** Milliseconds of its clock for one of the world. */
  readonly #rate: number;
  readonly #offsetMs: number;
  #life = 1;
  #isAlive = true;
  #pausedUntil = 0;

  constructor(world: World, name: string, clock: { readonly rate: number; readonly offsetMs: number }) {
    this.name = name;
    this.#world = world;
    this.#rate = clock.rate;
    this.#offsetMs = clock.offsetMs;
    this.#random = new RandomStream(world.seed, name);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get life(): number {
    return this.#life;
  }

  /** The world's time at which it goes on. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  now(): number {
    return this.#offsetMs + this.#world.now * this.#rate;
  }

  after(delayMs: number, call: () => void): Timer {
    const event = this.#world.at(this.#world.now + Math.max(0, delayMs) / this.#rate, this, call);
    return {
      cancel() {
        event.call = null;
      },
    };
  }

  nextTurn(call: () => void): void {
    this.#world.at(this.#world.now, this, call);
  }

  afterCallbacks(call: () => void): void {
    this.#world.at(this.#world.now, this, call);
  }

  random(): number {
    return this.#random.next();
  }

  crash(): void {
    this.#isAlive = false;
    this.#life += 1;
  }

  restart(): void {
    this.#isAlive = true;
    this.#pausedUntil = 0;
  }

  pause(durationMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#world.now + durationMs);
  }
}
