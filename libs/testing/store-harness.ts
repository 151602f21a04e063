import { onTestFinished } from "vitest";
import type { Store } from "#ports/store.ts";

/** A store under test, empty. */
export interface StoreHarness {
  readonly store: Store;
  /** The same data as another process sees it. */
  readonly openAnother: () => Promise<Store>;
  readonly close: () => Promise<void>;
}

export type OpenHarness = () => Promise<StoreHarness>;

/** A store for one test, closed at its end. */
export async function openForTest(open: OpenHarness): Promise<StoreHarness> {
  const harness = await open();
  onTestFinished(() => harness.close());
  return harness;
}
