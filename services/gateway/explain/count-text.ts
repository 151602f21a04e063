/** `1 slot`, `2 slots`. */
export function countText(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
