import { RandomStream } from "./random.ts";
import type { SimProcess } from "./sim-process.ts";
import type { World } from "./world.ts";

/** A side that hears nothing through a cut link gives the stream up after about so many milliseconds: its pings. */
const silenceMs = { from: 5000, to: 15_000 };
const usualDelayMs = { from: 0.05, to: 0.5 };
const slowDelayMs = { from: 0, to: 400 };

export type Direction = "both" | "there" | "back";

/** One way of a stream: in order, late, and gone when the stream breaks. */
interface Way {
  lastAt: number;
}

/** What one end of a stream is told. */
export interface StreamEnd<T> {
  readonly process: SimProcess;
  /** In order. */
  receive(message: T): void;
  /** Once. `error` is what the other side ended with; null when it just ended or the stream broke. */
  closed(error: unknown): void;
}

type End = "client" | "server";

/** What each end does with its stream. */
export interface StreamWays<ToServer, ToClient> {
  readonly toServer: (message: ToServer) => void;
  readonly toClient: (message: ToClient) => void;
  /** Ends it after what was sent; the other end is told with the error. */
  readonly end: (from: End, error: unknown) => void;
}

interface Stream {
  readonly client: StreamEnd<never>;
  readonly server: StreamEnd<never>;
  break(end: End, error: unknown): void;
}

/** Streams between processes, and what happens to them: delays, cuts of one way or both, resets. */
export class Network {
  readonly #world: World;
  readonly #random: RandomStream;
  readonly #open = new Set<Stream>();
  readonly #cuts = new Map<string, { until: number; direction: Direction }>();
  #isSlow = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = new RandomStream(world.seed, "network");
  }

  setSlow(isSlow: boolean): void {
    this.#isSlow = isSlow;
  }

  /** A stream from `client` to `server`; each gets what the other sends through the functions that it answers. */
  open<ToServer, ToClient>(client: StreamEnd<ToClient>, server: StreamEnd<ToServer>): StreamWays<ToServer, ToClient> {
    const there: Way = { lastAt: 0 };
    const back: Way = { lastAt: 0 };
    const open = { client: true, server: true };
    const lives = { client: client.process.life, server: server.process.life };
    // The stream belongs to one life of each process: the next one knows nothing of it.
    const isOpen = (end: End): boolean => open[end] && (end === "client" ? client : server).process.life === lives[end];
    const breakEnd = (end: End, error: unknown): void => {
      if (!isOpen(end)) return;
      open[end] = false;
      if (!isOpen("client") && !isOpen("server")) this.#open.delete(stream);
      (end === "client" ? client : server).closed(error);
    };
    const stream: Stream = { client, server, break: breakEnd };
    this.#open.add(stream);
    return {
      toServer: (message) => {
        if (isOpen("client")) this.#send(there, stream, "there", () => isOpen("server") && server.receive(message));
      },
      toClient: (message) => {
        if (isOpen("server")) this.#send(back, stream, "back", () => isOpen("client") && client.receive(message));
      },
      end: (from, error) => {
        if (!isOpen(from)) return;
        open[from] = false;
        if (from === "client") this.#send(there, stream, "there", () => breakEnd("server", error));
        else this.#send(back, stream, "back", () => breakEnd("client", error));
      },
    };
  }

  /** Messages of this link wait until it heals; a side that waits too long gives the stream up. */
  cut(a: SimProcess, b: SimProcess, durationMs: number, direction: Direction): void {
    const until = this.#world.now + durationMs;
    this.#cuts.set(linkName(a, b), { until, direction });
    for (const stream of this.#open) {
      if (!joins(stream, a, b)) continue;
      for (const end of ["client", "server"] as const) {
        const waitMs = this.#random.between(silenceMs.from, silenceMs.to);
        if (waitMs < durationMs) this.#breakIn(stream, end, waitMs);
      }
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Breaks the streams of a process, or those between two. */
  reset(a: SimProcess, b: SimProcess | null = null): void {
    for (const stream of this.#open) {
      if (b === null ? stream.client.process !== a && stream.server.process !== a : !joins(stream, a, b)) continue;
      this.#breakIn(stream, "client", this.#delay());
      this.#breakIn(stream, "server", this.#delay());
    }
  }

  #breakIn(stream: Stream, end: End, delayMs: number): void {
    this.#world.at(this.#world.now + delayMs, stream[end].process, () => stream.break(end, null));
  }

  #send(way: Way, { client, server }: Stream, direction: "there" | "back", arrive: () => void): void {
    const target = direction === "there" ? server.process : client.process;
    const cut = this.#cuts.get(linkName(client.process, server.process));
    const isCut =
      cut !== undefined && cut.until > this.#world.now && (cut.direction === "both" || cut.direction === direction);
    const sentAt = isCut ? cut.until : this.#world.now;
    way.lastAt = Math.max(way.lastAt, sentAt + this.#delay());
    this.#world.at(way.lastAt, target, arrive);
  }

  #delay(): number {
    const { from, to } = this.#isSlow ? slowDelayMs : usualDelayMs;
    return this.#random.between(from, to);
  }
}

function joins({ client, server }: Stream, a: SimProcess, b: SimProcess): boolean {
  return linkName(client.process, server.process) === linkName(a, b);
}

function linkName(a: SimProcess, b: SimProcess): string {
  return a.name < b.name ? `${a.name} ${b.name}` : `${b.name} ${a.name}`;
}
