// A worker whose tasks are functions of this program. Beside `millrace dev`, in a folder where millrace is installed:
//
//   MILLRACE_EXECUTORS=http://127.0.0.1:8080 node worker.js
import { createWorker } from "millrace/worker";

const worker = createWorker();

worker.task("count_words", ({ arguments: { text }, logger }) => {
  const words = String(text).split(/\s+/).filter(Boolean);
  logger.info("counted", { words: words.length });
  return { words: words.length, longest: words.toSorted((a, b) => b.length - a.length)[0] ?? "" };
});

worker.task("send_letter", async ({ arguments: { to, body }, idempotencyKey, logger }) => {
  if (to === "") throw Object.assign(new Error("a letter needs somebody to go to"), { retryable: false });
  // A real one would pass `signal` on to whatever it awaits, and the key to a service that knows what it did before.
  logger.info(`to ${String(to)}: ${String(body)}`, { key: idempotencyKey });
});

await worker.run();
