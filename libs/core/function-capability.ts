/** Operator types of functions begin so; only workers that registered the handler run them. */
export const functionPrefix = "function:";

/** What a worker says that it runs, and a task of type `function` asks for, by the name of the handler. */
export function functionCapability(handler: string): string {
  return `${functionPrefix}${handler}`;
}
