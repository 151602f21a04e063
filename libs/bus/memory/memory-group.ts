import { type IntakeOptions, PartitionIntake } from "../partition-intake.ts";
import type { MemoryLog } from "./memory-log.ts";

/** A consumer's part in the group of one queue. */
export interface MemoryMember {
  readonly intakeOptions: Omit<IntakeOptions, "partition" | "onProgress">;
  /** What it owns; only the group changes it. */
  readonly owned: Map<number, OwnedPartition>;
  readonly isPaused: () => boolean;
  readonly onOwnedChanged: () => void;
}

interface OwnedPartition {
  readonly intake: PartitionIntake;
  /** The offset of the next message to take. */
  position: number;
}

/**
 * The workers of one queue. Partitions go to the members in turn, in the order in which they joined. A member that keeps
 * a partition keeps what it has in hand; one that gets it begins behind what is committed.
 */
export class MemoryGroup {
  readonly #logs: readonly MemoryLog[];
  readonly #nextTurn: (call: () => void) => void;
  readonly #committed: number[];
  #members: MemoryMember[] = [];
  #isAvailable = true;
  #isScheduled = false;

  constructor(logs: readonly MemoryLog[], nextTurn: (call: () => void) => void) {
    this.#logs = logs;
    this.#nextTurn = nextTurn;
    this.#committed = logs.map((log) => log.end - log.size);
  }

  join(member: MemoryMember): void {
    this.#members.push(member);
    this.#assign();
  }

  /** What is done is committed first, unless the member died. */
  leave(member: MemoryMember, { died }: { died: boolean }): void {
    if (!died) this.#commit();
    this.#members = this.#members.filter((other) => other !== member);
    this.#assign();
    for (const { intake } of member.owned.values()) intake.end();
    member.owned.clear();
  }

  /** While the broker is away nobody owns anything; afterwards all begin anew behind what is committed. */
  setAvailable(isAvailable: boolean): void {
    this.#isAvailable = isAvailable;
    this.#assign();
  }

  /** There may be something to take, or to commit. */
  wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#nextTurn(() => {
      this.#isScheduled = false;
      this.#commit();
      for (const member of this.#members) this.#deliver(member);
    });
  }

  #assign(): void {
    const members = this.#isAvailable ? this.#members : [];
    for (const member of this.#members) {
      for (const [partition, { intake }] of member.owned) {
        if (members[partition % members.length] === member) continue;
        intake.end();
        member.owned.delete(partition);
      }
    }
    for (const partition of this.#logs.keys()) {
      const owner = members[partition % members.length];
      if (owner === undefined || owner.owned.has(partition)) continue;
      const options = { ...owner.intakeOptions, partition, onProgress: () => this.wake() };
      owner.owned.set(partition, { intake: new PartitionIntake(options), position: this.#committed[partition] ?? 0 });
    }
    for (const member of this.#members) member.onOwnedChanged();
    this.wake();
  }

  #commit(): void {
    for (const member of this.#members) {
      for (const [partition, { intake }] of member.owned) {
        const ready = intake.readyOffset();
        if (ready === null) continue;
        ready.settle();
        this.#committed[partition] = ready.next;
        this.#logs[partition]?.trim(ready.next);
      }
    }
  }

  #deliver(member: MemoryMember): void {
    for (const [partition, owned] of member.owned) {
      const log = this.#logs[partition];
      // Each message anew: the handler may pause, close, or publish.
      while (!member.isPaused() && !owned.intake.isFull && member.owned.get(partition) === owned) {
        const message = log?.at(owned.position);
        if (message === undefined) break;
        owned.position += 1;
        owned.intake.take(message);
      }
    }
  }
}
