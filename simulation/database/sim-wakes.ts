import { WakeHub } from "#store/wake-hub.ts";
import { RandomStream } from "../world/random.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { World } from "../world/world.ts";

const maxDelayMs = 5;

/** NOTIFY between processes: late, and while faults last lost or doubled. */
export class SimWakes {
  readonly #world: World;
  readonly #random: RandomStream;
  readonly #hubs = new Map<SimProcess, WakeHub>();
  #lostShare = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = new RandomStream(world.seed, "wakes");
  }

  setLostShare(share: number): void {
    this.#lostShare = share;
  }

  /** The hub of a process's new life. */
  join(process: SimProcess): WakeHub {
    const hub = new WakeHub({
      onError: (error) => {
        throw error;
      },
      forward: (batch) => {
        for (const [topic, details] of batch) for (const detail of details) this.#forward(process, topic, detail);
      },
    });
    this.#hubs.set(process, hub);
    return hub;
  }

  #forward(from: SimProcess, topic: Parameters<WakeHub["deliver"]>[0], detail: string): void {
    for (const [process, hub] of this.#hubs) {
      if (process === from) continue;
      const times = this.#lostShare > 0 ? this.#timesDelivered() : 1;
      for (let time = 0; time < times; time += 1)
        this.#world.at(this.#world.now + this.#random.between(0, maxDelayMs), process, () =>
          hub.deliver(topic, detail),
        );
    }
  }

  #timesDelivered(): number {
    if (this.#random.chance(this.#lostShare)) return 0;
    return this.#random.chance(this.#lostShare) ? 2 : 1;
  }
}
