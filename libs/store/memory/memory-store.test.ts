import { planOfSpec } from "#testing/plan-spec.ts";
import { describeStoreContract } from "#testing/store-contract.testsuite.ts";
import type { StoreHarness } from "#testing/store-harness.ts";
import { createMemoryStore } from "./memory-store.ts";

/** Two processes can't share memory: the other one is the same store. */
async function open(): Promise<StoreHarness> {
  const store = createMemoryStore({ toPlan: planOfSpec });
  return { store, openAnother: async () => store, close: () => store.close() };
}

describeStoreContract(open);
