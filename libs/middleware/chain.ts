import { isThenable } from "./thenable.ts";

/** What a middleware may change for everything below it. */
export interface NextOptions {
  /** The context's signal from here on; the caller sees to it that it follows the one that it replaces. */
  readonly signal?: AbortSignal;
}

/** Runs what is below a middleware: the next one or, from the last, the handler. Rejects with what that throws. */
export type Next = (options?: NextOptions) => Promise<void>;

export interface Chain<C> {
  /** Outermost first. */
  readonly middlewares: readonly ((context: C) => unknown)[];
  /** Innermost. */
  readonly handler: (context: C) => unknown;
  /** Each place of the chain gets a context of its own, so that a second `next()` can be blamed on its caller. */
  readonly contextFor: (next: Next, options: NextOptions) => C;
  /** Asked at every `next()`: a reason refuses the call and fails the chain; null lets it go on. */
  readonly refuse?: () => { readonly reason: unknown } | null;
  /** Names the chain in errors: `task "load"`. */
  readonly subject: string;
}

/** A middleware that may call `next()` again once what it ran before has ended. */
const repeating = new WeakSet<object>();

/** Marks a middleware that repeats what is below it, as a retry does. */
export function repeatsNext<M extends object>(middleware: M): M {
  repeating.add(middleware);
  return middleware;
}

/**
 * Runs the middlewares around the handler. One that does not call `next()` skips what is below. One that ends without
 * waiting for it is waited for, and what then fails below fails the chain. A second `next()` fails the chain too.
 * Starts at once; answers a promise unless everything ended synchronously.
 */
export function runChain<C>(chain: Chain<C>): unknown {
  return runPlace(chain, 0, {});
}

function runPlace<C>(chain: Chain<C>, place: number, options: NextOptions): unknown {
  const middleware = chain.middlewares[place];
  if (middleware === undefined) return chain.handler(chain.contextFor(() => refuseNext(chain), options));
  const link = new Link((changed) => runPlace(chain, place + 1, { ...options, ...changed }));
  const next: Next = (changed = {}) => {
    const refusal = chain.refuse?.() ?? null;
    if (refusal !== null) return link.fail(refusal.reason);
    const mayCall = link.below === null || (repeating.has(middleware) && !link.isOpen);
    return mayCall ? link.open(changed) : link.fail(calledTwice(chain, place));
  };
  const end = middleware(chain.contextFor(next, options));
  return isThenable(end) ? Promise.resolve(end).then(() => link.end() ?? undefined) : (link.end(true) ?? undefined);
}

/** What one middleware has done with its `next()`. */
class Link {
  below: Promise<void> | null = null;
  isOpen = false;
  #violation: Promise<never> | null = null;
  readonly #run: (options: NextOptions) => unknown;

  constructor(run: (options: NextOptions) => unknown) {
    this.#run = run;
  }

  open(options: NextOptions): Promise<void> {
    this.isOpen = true;
    this.below = this.#follow(options);
    this.below.catch(ignore);
    return this.below;
  }

  fail(reason: unknown): Promise<never> {
    this.#violation = rejectQuietly(reason);
    return this.#violation;
  }

  /** What the middleware's end still depends on; one that returned synchronously can't have waited for anything. */
  end(wasSynchronous = false): Promise<void> | null {
    if (this.#violation !== null) return this.#violation;
    return this.isOpen || wasSynchronous ? this.below : null;
  }

  async #follow(options: NextOptions): Promise<void> {
    try {
      await this.#run(options);
    } finally {
      this.isOpen = false;
    }
  }
}

/** Whoever called `next()` gets the same rejection; that nobody looks at one must not end the process. */
function ignore(): void {}

/** A rejection that may stay unseen. */
export function rejectQuietly(reason: unknown): Promise<never> {
  const rejection = Promise.reject(reason);
  rejection.catch(ignore);
  return rejection;
}

function calledTwice<C>({ middlewares, subject }: Chain<C>, place: number): Error {
  const name = middlewares[place]?.name ?? "";
  const which = `middleware ${place + 1} of ${middlewares.length}${name === "" ? "" : ` (${name})`}`;
  return new Error(`${which} of ${subject} called next() a second time; call it once, and await it`);
}

function refuseNext<C>({ subject }: Chain<C>): Promise<never> {
  return rejectQuietly(
    new Error(`the handler of ${subject} called next(); only middlewares have something below them`),
  );
}
