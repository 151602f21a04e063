import type { Decision } from "#core/decision.ts";
import type { KeptAnswer } from "#ports/kept-answer.ts";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { Submission } from "./turn.ts";

/** The answers that a decision on these submissions is written with. */
export function keptAnswers(submissions: readonly Submission[], { verdicts }: Decision): readonly KeptAnswer[] {
  return submissions.flatMap(({ answer }, place) => {
    const verdict = verdicts[place];
    return answer === undefined || verdict?.accepted !== true ? [] : [answer(verdict)];
  });
}

/** The short logs that it is written with. */
export function shortLogs(submissions: readonly Submission[], { verdicts }: Decision): readonly NewLogChunk[] {
  return submissions.flatMap(({ log }, place) =>
    log === undefined || verdicts[place]?.accepted !== true ? [] : [log],
  );
}
