/** In `sync` handlers return, in `async` they answer a promise. The first of each is what the others are compared with. */
export const contenderNames = {
  sync: ["counter floor", "millrace"],
  async: ["bare promises", "millrace", "p-graph", "grfn", "effect", "langgraph"],
} as const;

export type Mode = keyof typeof contenderNames;

export type ContenderName<M extends Mode = Mode> = (typeof contenderNames)[M][number];
