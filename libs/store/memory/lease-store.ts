import type { LeaseStore } from "#ports/lease-store.ts";
import type { MemoryState } from "./memory-state.ts";

export function createMemoryLeases(state: MemoryState): LeaseStore {
  return {
    async acquire({ name, holder, ttlMs }) {
      const now = state.now();
      const lease = state.leases.get(name);
      if (lease === undefined) {
        state.leases.set(name, { holder, epoch: 1, expiresAt: now + ttlMs, counter: 0 });
        return { epoch: 1 };
      }
      if (lease.holder !== holder && lease.expiresAt > now) return null;
      if (lease.holder !== holder) lease.epoch += 1;
      lease.holder = holder;
      lease.expiresAt = now + ttlMs;
      return { epoch: lease.epoch };
    },
    async release({ name, holder }) {
      const lease = state.leases.get(name);
      if (lease?.holder === holder) lease.expiresAt = Number.NEGATIVE_INFINITY;
    },
    async readCounter({ name, epoch }) {
      return state.leads(name, epoch) ? (state.leases.get(name)?.counter ?? 0) : null;
    },
    async writeCounter({ name, epoch, counter }) {
      const lease = state.leads(name, epoch) ? state.leases.get(name) : undefined;
      if (lease === undefined) return false;
      lease.counter = counter;
      return true;
    },
  };
}
