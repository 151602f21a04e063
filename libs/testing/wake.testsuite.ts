import { expect, it } from "vitest";
import { wakeTopics } from "#store/wake-hub.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

/** What every wake does. */
export function describeWake(open: OpenHarness): void {
  it("tells listeners of this process and of others, each pair once in a turn", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const heard: Record<string, string[]> = { here: [], there: [] };
    store.wake.listen("stops", (detail) => heard["here"]?.push(detail));
    other.wake.listen("stops", (detail) => heard["there"]?.push(detail));
    for (const detail of ["a", "b", "a"]) store.wake.notify("stops", detail);
    store.wake.notify("queued");
    await expect.poll(() => heard).toEqual({ here: ["a", "b"], there: ["a", "b"] });
  });

  it("tells other processes of every topic", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const heard = new Set<string>();
    for (const topic of wakeTopics) other.wake.listen(topic, () => heard.add(topic));
    for (const topic of wakeTopics) store.wake.notify(topic);
    await expect.poll(() => [...heard].toSorted()).toEqual(wakeTopics.toSorted());
  });

  it("tells nothing to a listener that has ended", async () => {
    const { store } = await openForTest(open);
    const heard: string[] = [];
    const listener = (detail: string): void => void heard.push(detail);
    const stopFirst = store.wake.listen("queued", listener);
    store.wake.listen("queued", listener);
    stopFirst();
    store.wake.notify("queued");
    await expect.poll(() => heard).toEqual([""]);
  });

  it("stands for everything with an empty detail", async () => {
    const { store } = await openForTest(open);
    const heard: string[] = [];
    store.wake.listen("logs", (detail) => heard.push(detail));
    store.wake.notify("logs", "1/1");
    store.wake.notify("logs");
    store.wake.notify("logs", "1/2");
    await expect.poll(() => heard).toEqual([""]);
  });
}
