import { MemoryState, type NewEvent } from "#store/memory/memory-state.ts";

/** The tables of the simulated database: as in memory, but an event gets its id from the relay, after its commit. */
export class SimState extends MemoryState {
  /** Committed and not published, oldest first. */
  readonly outbox: NewEvent[] = [];

  override emit(events: readonly NewEvent[]): void {
    this.outbox.push(...events);
  }

  /** What the relay's statement does: ids without gaps, guarded by the epoch. */
  publish(epoch: number, limit: number): number | null {
    if (!this.leads("relay", epoch)) return null;
    const published = this.outbox.splice(0, limit);
    super.emit(published);
    return published.length;
  }
}
