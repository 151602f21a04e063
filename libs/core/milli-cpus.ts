/**
 * Thousandths of so many processors, parts of a thousandth rounded up. It looks at six decimals, because 4.03 is a little
 * more than 4030 thousandths in binary, and is none more.
 */
export function toMilliCpus(cpus: number): number {
  return Math.ceil(Math.round(cpus * 1e6) / 1000);
}
