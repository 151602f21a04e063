import { canonicalName, readNamedTexts } from "#config/named-texts.ts";
import { closestName } from "#core/closest-name.ts";
import { AppError } from "#errors/app-error.ts";
import { runSecretCommand } from "./secret-command.ts";
import { minSecretLength } from "./secret-forms.ts";

/** Where secrets come from, on the worker alone. A vault is another source. */
export interface SecretSource {
  /** Throws SECRET_NOT_FOUND, SECRET_UNUSABLE, SECRET_UNAVAILABLE, or the reason of the signal. */
  read(name: string, signal: AbortSignal): Promise<string>;
}

export interface SecretSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A folder with one file a secret, as secrets are mounted; null: none. */
  readonly directory: string | null;
  /** A program that is given the name and prints the secret; null: none. */
  readonly command: string | null;
}

const variablePrefix = "MILLRACE_SECRET_";
const maxSecretLength = 64 * 1024;

/** Of one name the environment wins over the folder, and that over the command. Each is asked anew for each attempt. */
export function createSecretSource(sources: SecretSources): SecretSource {
  return {
    read: async (name, signal) => {
      const { environment, directory, command } = sources;
      const options = { environment, variablePrefix, directory, configured: {}, configuredAs: "" };
      const known = readNamedTexts(options);
      const found = known.get(canonicalName(name))?.text.replace(/\r?\n$/, "");
      const secret =
        found ?? (command === null ? null : await runSecretCommand(command, { name, environment, signal }));
      if (secret === null)
        throw notFound(
          name,
          [...known.values()].map((each) => each.name),
        );
      refuseUnusable(name, secret);
      return secret;
    },
  };
}

function refuseUnusable(name: string, secret: string): void {
  const problem =
    secret.length < minSecretLength
      ? `has fewer than ${minSecretLength} characters, so it can't be masked in logs`
      : secret.length > maxSecretLength
        ? `has more than ${maxSecretLength} characters`
        : secret.includes("\0") || !secret.isWellFormed()
          ? "is no text"
          : null;
  if (problem !== null)
    throw new AppError("SECRET_UNUSABLE", `the secret ${name} ${problem}`, { details: { secret: name } });
}

function notFound(name: string, names: readonly string[]): AppError {
  const near = closestName(name, names);
  const advice =
    near === null
      ? `set ${variablePrefix}${canonicalName(name).toUpperCase()} where the worker runs, for a sensor where the scheduler runs`
      : `did you mean ${near}?`;
  return new AppError("SECRET_NOT_FOUND", `there is no secret ${name} here; ${advice}`, { details: { secret: name } });
}
