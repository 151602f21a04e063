import { expect, test } from "vitest";
import { noResources, resourceNames } from "./resource-amounts.ts";
import { resourceText } from "./resource-text.ts";

test.each([
  [{ milliCpus: 500, gpus: 1 }, "0.5 cpu and 0 bytes of memory and 0 bytes of disk and 1 gpu"],
  [
    { milliCpus: -3, memoryBytes: 1536 * 2 ** 20, diskBytes: 2 ** 50, gpus: 2 },
    "0 cpu and 1.5 GiB of memory and 1024 TiB of disk and 2 gpus",
  ],
])("%j in words", (given, text) => {
  expect(resourceText({ ...noResources, ...given }, resourceNames)).toBe(text);
});
