import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { formatDuration } from "../duration-text.ts";
import { type Html, type HtmlValue, html } from "./html.ts";

/** A time in UTC; the script turns it into the reader's zone. */
export function timeText(time: Timestamp | undefined): Html {
  if (time === undefined) return html`<span class="soft">–</span>`;
  const iso = timestampDate(time).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace("T", " ")} UTC</time>`;
}

/** `350 ms` below ten seconds, else `HH:MM:SS`. */
export function durationText(ms: bigint | undefined): string {
  if (ms === undefined) return "–";
  return ms < 10_000n ? `${ms} ms` : formatDuration(Number(ms));
}

/** A table that becomes a list of cards on narrow screens; each cell carries its column's name for that. */
export function table(columns: readonly string[], rows: readonly (readonly HtmlValue[])[]): Html {
  const cells = (row: readonly HtmlValue[]) =>
    row.map((cell, index) => html`<td data-label="${columns[index] ?? ""}"><div>${cell}</div></td>`);
  return html`<table><thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>`)}</tbody></table>`;
}

/** Names and values; null values are left out. */
export function facts(entries: readonly (readonly [string, HtmlValue])[]): Html {
  const shown = entries.filter(([, value]) => value !== null && value !== "");
  return html`<dl>${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** A button that posts to one of the page's own addresses. */
export function postButton(action: string, text: string, fields: Readonly<Record<string, string>> = {}): Html {
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form class="inline" method="post" action="${action}">${inputs}<button>${text}</button></form>`;
}

/** The next page of a list, where there is one. */
export function nextLink(cursor: string): Html | null {
  return cursor === "" ? null : html`<p><a href="?cursor=${encodeURIComponent(cursor)}">next page</a></p>`;
}
