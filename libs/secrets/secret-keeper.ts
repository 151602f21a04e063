import { formsOf, minSecretLength } from "./secret-forms.ts";
import { mask } from "./stream-masker.ts";

/** What an attempt must not tell. */
export interface SecretKeeper {
  add(secret: string): void;
  /** Everything that is to be masked in a stream of output. */
  readonly forms: readonly Buffer[];
  /** The text with what must not be told masked. */
  maskText(text: string): string;
}

/** Secrets too short to be masked are ignored: a source gives none. */
export function createSecretKeeper(): SecretKeeper {
  const forms = new Map<string, Buffer>();
  let ordered: readonly string[] = [];
  return {
    add: (secret) => {
      if (secret.length < minSecretLength) return;
      for (const form of formsOf(secret)) forms.set(form.toString(), form);
      ordered = [...forms.keys()].toSorted((a, b) => b.length - a.length);
    },
    get forms() {
      return [...forms.values()];
    },
    maskText: (text) => ordered.reduce((masked, form) => masked.replaceAll(form, mask), text),
  };
}
