import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Next, repeatsNext, runChain } from "./chain.ts";

interface Context {
  readonly next: Next;
  readonly signal: AbortSignal | null;
}

type Middleware = (context: Context) => unknown;

function run(middlewares: readonly Middleware[], handler: (context: Context) => unknown): unknown {
  return runChain<Context>({
    middlewares,
    handler,
    contextFor: (next, { signal }) => ({ next, signal: signal ?? null }),
    subject: 'task "a"',
  });
}

const pass: Middleware = ({ next }) => next();
const unhandled: unknown[] = [];
const note = (reason: unknown): number => unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});

afterEach(async () => {
  await setImmediate();
  process.off("unhandledRejection", note);
  if (unhandled.length > 0) throw new Error(`nobody handled ${unhandled.map(String).join(", ")}`);
});

describe("runChain", () => {
  test("without middlewares is the handler itself", () => {
    expect(run([], () => 7)).toBe(7);
  });

  test("starts the handler synchronously through synchronous middlewares", async () => {
    const seen: string[] = [];
    const end = run([pass, pass], () => seen.push("handler"));
    expect(seen).toEqual(["handler"]);
    await end;
  });

  test("skips the handler when a middleware does not call next(), without a promise", () => {
    expect(run([() => "not this"], () => expect.fail("called"))).toBe(undefined);
  });

  test("goes in order, and back in reverse", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 6 }), async (waits) => {
        const seen: string[] = [];
        const middlewares = waits.map(
          (isWaiting, place): Middleware =>
            async ({ next }) => {
              if (isWaiting) await setImmediate();
              seen.push(`> ${place}`);
              await next();
              seen.push(`< ${place}`);
            },
        );
        await run(middlewares, () => seen.push("handler"));
        const places = [...waits.keys()];
        expect(seen).toEqual([
          ...places.map((place) => `> ${place}`),
          "handler",
          ...places.toReversed().map((place) => `< ${place}`),
        ]);
      }),
    );
  });

  test("hands errors outwards, where they can be caught", async () => {
    const seen: unknown[] = [];
    const error = new Error("broken");
    const outer: Middleware = async ({ next }) => {
      await next().catch((caught: unknown) => seen.push(caught));
    };
    await run([outer, pass], () => {
      throw error;
    });
    expect(seen).toEqual([error]);
    await expect(run([pass, pass], () => Promise.reject(error))).rejects.toBe(error);
  });

  test("gives another signal to everything below", async () => {
    const [first, second] = [new AbortController().signal, new AbortController().signal];
    const seen: unknown[] = [];
    const look: Middleware = ({ signal, next }) => {
      seen.push(signal);
      return next();
    };
    await run(
      [look, ({ next }) => next({ signal: first }), look, ({ next }) => next({ signal: second }), look],
      () => 0,
    );
    expect(seen).toEqual([null, first, second]);
  });
});

describe("a second next()", () => {
  const twice = (call: (next: Next) => unknown): Middleware =>
    async function twice({ next }) {
      await next();
      await call(next);
    };

  test.each<[string, Middleware]>([
    ["that is awaited", twice((next) => next())],
    ["that is not awaited", twice((next) => void next())],
    ["whose rejection is swallowed", twice((next) => next().catch(() => undefined))],
    [
      "that nobody looks at for a while",
      twice((next) => {
        void next();
        return setImmediate();
      }),
    ],
    [
      "beside the first",
      async function twice({ next }) {
        await Promise.all([next(), next()]);
      },
    ],
  ])("%s fails the chain by the middleware's place, and runs nothing", async (_, middleware) => {
    let calls = 0;
    const end = run([pass, middleware, pass], () => {
      calls += 1;
    });
    await expect(end).rejects.toThrow(/middleware 2 of 3 \(twice\) of task "a" called next\(\) a second time/);
    expect(calls).toBe(1);
  });

  test("is a middleware's good right if it repeats, once the first has ended", async () => {
    let calls = 0;
    const again = repeatsNext<Middleware>(async ({ next }) => {
      await next().catch(() => undefined);
      await next();
    });
    const seen: string[] = [];
    const below: Middleware = ({ next }) => {
      seen.push("below");
      return next();
    };
    await run([again, below], () => {
      calls += 1;
      if (calls === 1) throw new Error("once more");
    });
    expect([calls, seen]).toEqual([2, ["below", "below"]]);
    const beside = repeatsNext<Middleware>(({ next }) => Promise.all([next(), next()]));
    await expect(run([beside], () => setImmediate())).rejects.toThrow("a second time");
  });
});

describe("a middleware that does not wait for next()", () => {
  test.each<[string, Middleware]>([
    ["returns at once", ({ next }) => void next()],
    [
      "returns a promise",
      async ({ next }) => {
        void next();
      },
    ],
  ])("but %s is waited for", async (_, middleware) => {
    const seen: string[] = [];
    await run([middleware], async () => {
      await setImmediate();
      seen.push("handler");
    });
    expect(seen).toEqual(["handler"]);
  });

  test.each<[string, () => unknown]>([
    ["at once", () => expect.fail("broken")],
    ["later", () => setImmediate().then(() => expect.fail("broken"))],
  ])("hides no failure that comes %s", async (_, handler) => {
    await expect(run([({ next }) => void next()], handler)).rejects.toThrow("broken");
  });

  test("and fails itself fails at once", async () => {
    const failing: Middleware = ({ next }) => {
      void next();
      throw new Error("mine");
    };
    await expect(run([pass, failing], () => new Promise(() => undefined))).rejects.toThrow("mine");
    await expect(run([pass, failing], () => Promise.reject(new Error("handler's")))).rejects.toThrow("mine");
  });
});

test("the handler has nothing below it", async () => {
  await expect(run([pass], ({ next }) => next())).rejects.toThrow('the handler of task "a" called next()');
});
