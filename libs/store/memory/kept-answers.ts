import { AppError } from "#errors/app-error.ts";
import type { KeptAnswer, RequestName } from "#ports/kept-answer.ts";
import type { MemoryState } from "./memory-state.ts";

/** A request's answer is promised for so long (G6). */
const requestLifeMs = 24 * 3_600_000;

export function findAnswer(state: MemoryState, request: RequestName): KeptAnswer | null {
  const found = state.requests.get(requestKey(request));
  if (found === undefined || isForgotten(state, found)) return null;
  const { createdAt: _, ...answer } = found;
  return answer;
}

/** Throws IDEMPOTENCY_CONFLICT where one of the requests has an answer already, or gets two. */
export function refuseAnswered(state: MemoryState, answers: readonly KeptAnswer[]): void {
  const keys = answers.map(requestKey);
  const taken = answers.find(
    (answer, place) => keys.indexOf(requestKey(answer)) < place || findAnswer(state, answer) !== null,
  );
  if (taken === undefined) return;
  throw new AppError("IDEMPOTENCY_CONFLICT", `request id ${taken.id} has an answer already`, {
    details: { request_id: taken.id },
  });
}

export function keepAnswers(state: MemoryState, answers: readonly KeptAnswer[]): void {
  for (const answer of answers) state.requests.set(requestKey(answer), { ...answer, createdAt: state.now() });
}

/** Forgets at most `limit` whose answer is no longer promised; answers how many. */
export function forgetAnswers(state: MemoryState, limit: number): number {
  const over = [...state.requests].filter(([, answer]) => isForgotten(state, answer)).slice(0, limit);
  for (const [key] of over) state.requests.delete(key);
  return over.length;
}

function isForgotten(state: MemoryState, { createdAt }: { readonly createdAt: number }): boolean {
  return createdAt <= state.now() - requestLifeMs;
}

function requestKey({ caller, id }: RequestName): string {
  return JSON.stringify([caller, id]);
}
