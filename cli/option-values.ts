import { InvalidArgumentError, Option } from "commander";

const logLevels = ["trace", "debug", "info", "warn", "error", "silent"];

export function logLevelOption(): Option {
  return new Option("--log-level <level>", "least severe lines that are logged").choices(logLevels);
}

/** `-p name=value`, as often as needed. */
export function parameterOption(): Option {
  return new Option("-p, --param <name=value>", "a parameter, read by its declared type; may be repeated")
    .argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value])
    .default([], "none");
}

/** For options that are whole numbers; commander shows the message with the option's name. */
export function wholeNumber(range: { min: number; max: number }): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= range.min && value <= range.max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${range.min} to ${range.max}.`);
  };
}
