/** The wall clock of a zone at one instant. */
interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
}

const formatters = new Map<string, Intl.DateTimeFormat>();
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** `YYYY-MM-DD` of an instant (milliseconds since 1970) in an IANA zone. */
export function formatDay(atMs: number, timezone: string): string {
  return formatDate(atMs, "%Y-%m-%d", timezone);
}

/**
 * Formats an instant by the directives of strftime: `%Y %y %m %d %H %I %M %S %f %p %j %u %w %a %A %b %B %z %Z %s %F %T %%`.
 * Throws a plain Error that names a directive which is none of them.
 */
export function formatDate(atMs: number, format: string, timezone: string): string {
  const wall = wallTime(atMs, timezone);
  return format.replace(/%(.?)/gs, (_, directive: string) => expand(directive, { atMs, wall, timezone }));
}

interface Moment {
  readonly atMs: number;
  readonly wall: WallTime;
  readonly timezone: string;
}

function expand(directive: string, { atMs, wall, timezone }: Moment): string {
  const weekday = new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay();
  switch (directive) {
    case "Y":
      return pad(wall.year, 4);
    case "y":
      return pad(wall.year % 100, 2);
    case "m":
      return pad(wall.month, 2);
    case "d":
      return pad(wall.day, 2);
    case "H":
      return pad(wall.hour, 2);
    case "I":
      return pad(wall.hour % 12 === 0 ? 12 : wall.hour % 12, 2);
    case "M":
      return pad(wall.minute, 2);
    case "S":
      return pad(wall.second, 2);
    case "f":
      return pad((((atMs % 1000) + 1000) % 1000) * 1000, 6);
    case "p":
      return wall.hour < 12 ? "AM" : "PM";
    case "j":
      return pad((Date.UTC(wall.year, wall.month - 1, wall.day) - Date.UTC(wall.year, 0, 1)) / 86_400_000 + 1, 3);
    case "u":
      return String(weekday === 0 ? 7 : weekday);
    case "w":
      return String(weekday);
    case "a":
      return (days[weekday] ?? "").slice(0, 3);
    case "A":
      return days[weekday] ?? "";
    case "b":
      return (months[wall.month - 1] ?? "").slice(0, 3);
    case "B":
      return months[wall.month - 1] ?? "";
    case "z":
      return offsetText(wall.offsetMinutes);
    case "Z":
      return timezone;
    case "s":
      return String(Math.floor(atMs / 1000));
    case "F":
      return `${pad(wall.year, 4)}-${pad(wall.month, 2)}-${pad(wall.day, 2)}`;
    case "T":
      return `${pad(wall.hour, 2)}:${pad(wall.minute, 2)}:${pad(wall.second, 2)}`;
    case "%":
      return "%";
    default:
      throw new Error(`\`%${directive}\` is no directive of a date format; use those of strftime, such as %Y-%m-%d`);
  }
}

function pad(value: number, length: number): string {
  return String(value).padStart(length, "0");
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60), 2)}${pad(size % 60, 2)}`;
}

function wallTime(atMs: number, timezone: string): WallTime {
  if (timezone === "UTC" && atMs >= 0) return utcTime(new Date(atMs));
  const parts = new Map(
    formatterOf(timezone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const wall = {
    year: part("year"),
    month: part("month"),
    day: part("day"),
    hour: part("hour"),
    minute: part("minute"),
    second: part("second"),
  };
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  return { ...wall, offsetMinutes: Math.round((asUtc - Math.floor(atMs / 1000) * 1000) / 60_000) };
}

function utcTime(date: Date): WallTime {
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    offsetMinutes: 0,
  };
}

function formatterOf(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formatters.set(timezone, formatter);
  return formatter;
}
