import { isReady } from "#core/run-draft.ts";
import type { RunWriter } from "../runs/run-writer.ts";

export interface RunOffersOptions {
  readonly submit: RunWriter["submit"];
  /** Called with the runs whose instances are about to be claimed. */
  readonly claiming: (runKeys: readonly number[]) => void;
  /** False while anything waits that may have a better claim, or no slot is free. */
  readonly mayOffer: () => boolean;
  /** Asks the dispatcher to look for work. */
  readonly wake: () => void;
}

/**
 * What is done with a run that was just made, told by its key as text (empty: by nobody knows which). Where slots are free and
 * nothing waits, its first tasks are handed on in one write, without a pick and a ticket; what is left is the dispatcher's.
 */
export function createRunOffers({ submit, claiming, mayOffer, wake }: RunOffersOptions): (runKey: string) => void {
  return (key) => {
    const runKey = Number(key);
    if (key === "" || !Number.isSafeInteger(runKey) || !mayOffer()) {
      wake();
      return;
    }
    claiming([runKey]);
    submit({ runKey, event: { kind: "offer" }, freesSlotOf: null }).then((result) => {
      if (result.kind === "judged" && result.run.instances.some(isReady)) wake();
    }, wake);
  };
}
