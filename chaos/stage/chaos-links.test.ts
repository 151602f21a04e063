import { expect, it, onTestFinished } from "vitest";
import { startChaosLinks } from "./chaos-links.ts";

const executors = ["http://127.0.0.1:1001", "http://127.0.0.1:1002"];

it("each worker reaches every executor by a link of its own, and begins with another one", async () => {
  const links = await startChaosLinks({ executors: 2, workers: 3 }, null);
  onTestFinished(() => links.close());
  const linkTo = (worker: number, executor: number): string => {
    const own = links.of(`worker-${worker}`);
    const link = links.of(`executor-${executor}`).find((one) => own.includes(one));
    return `http://127.0.0.1:${link?.port}`;
  };
  const found = [1, 2, 3].map((worker) => links.executorUrls(executors, "worker", worker));
  expect(found).toEqual([
    [linkTo(1, 1), linkTo(1, 2)],
    [linkTo(2, 2), linkTo(2, 1)],
    [linkTo(3, 1), linkTo(3, 2)],
  ]);
  expect(links.executorUrls(executors, "gateway", 1)).toEqual(executors);
});
