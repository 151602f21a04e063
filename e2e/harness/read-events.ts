export interface ServerEvent {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

const deadlineMs = 20_000;

/** Reads server-sent events after `lastEventId` until one fits, that one included. Rejects when it does not come in time. */
export async function readEvents(
  url: string,
  { lastEventId, until }: { lastEventId: string; until: (event: ServerEvent) => boolean },
): Promise<readonly ServerEvent[]> {
  const headers = { accept: "text/event-stream", "last-event-id": lastEventId };
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(deadlineMs) });
  const events: ServerEvent[] = [];
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const event of blocks.map(parseBlock).filter((each) => each !== null)) {
      events.push(event);
      if (until(event)) return events;
    }
  }
  throw new Error(`the stream ended after ${events.length} events`);
}

/** Null for comments. */
function parseBlock(block: string): ServerEvent | null {
  const fields = new Map(
    block
      .split("\n")
      .filter((line) => !line.startsWith(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trimStart()]),
  );
  const data = fields.get("data");
  if (data === undefined) return null;
  const json = JSON.parse(data) as { event_type?: string };
  return { id: fields.get("id") ?? "", type: fields.get("event") ?? json.event_type ?? "", data: json };
}
