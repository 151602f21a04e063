import type { ResourceAmounts, ResourceName } from "./resource-amounts.ts";

const kibibyte = 1024;
const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

const texts: Readonly<Record<ResourceName, (amount: string) => string>> = {
  milliCpus: (amount) => `${amount} cpu`,
  memoryBytes: (amount) => `${amount} of memory`,
  diskBytes: (amount) => `${amount} of disk`,
  gpus: (amount) => `${amount} ${amount === "1" ? "gpu" : "gpus"}`,
};

/** Amounts of these resources in words. */
export function resourceText(amounts: ResourceAmounts, names: readonly ResourceName[]): string {
  return names.map((name) => texts[name](amountText(amounts, name))).join(" and ");
}

/** The amount of one resource without its name; less than nothing is shown as nothing. */
export function amountText(amounts: ResourceAmounts, name: ResourceName): string {
  const amount = Math.max(0, amounts[name]);
  if (name === "gpus") return String(amount);
  return name === "milliCpus" ? String(amount / 1000) : sizeText(amount);
}

/** To a tenth of the largest unit of which there is one. */
export function sizeText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / Math.log2(kibibyte)));
  return `${Math.round((bytes / kibibyte ** power) * 10) / 10} ${units[power]}`;
}
