import type { EngineEvent } from "./engine-event.ts";
import { EventStream } from "./event-stream.ts";

/** Who listens to an engine: its observer, and the readers of `events()`. */
export class EventSubscriptions {
  readonly #open = new Set<EventStream>();

  open(): AsyncIterableIterator<EngineEvent> {
    const stream = new EventStream(() => this.#open.delete(stream));
    this.#open.add(stream);
    return stream;
  }

  /** What an execution that begins now tells its events; null when nobody listens. Never throws. */
  connect(observer: ((event: EngineEvent) => void) | null): ((event: EngineEvent) => void) | null {
    if (observer === null && this.#open.size === 0) return null;
    const streams = [...this.#open];
    return (event) => {
      if (observer !== null) tell(observer, event);
      for (const stream of streams) stream.push(event);
    };
  }
}

/** An observer's own trouble is none of the execution's. */
function tell(observer: (event: EngineEvent) => void, event: EngineEvent): void {
  try {
    observer(event);
  } catch {
    // The contract of the option: what it throws is ignored.
  }
}
