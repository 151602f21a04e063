/**
 * The page's only script, inlined and allowed by its hash. The page works without it. It shows times in the reader's
 * zone, fetches the page again when events come and swaps the parts marked `data-live`, and appends a running log. Beside
 * such a log, and while something waits, it is fetched every 10 s too: what an attempt uses and why a task waits change
 * without an event. A log that begins or ends changes what is followed. Hidden tabs close their streams.
 */
export const liveScript = `
(() => {
  const mark = document.getElementById("live-mark");
  const body = document.body;
  let source = null, timer = null, stale = null;
  const say = (text) => { if (mark) mark.textContent = text; };
  const localize = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = time.dateTime;
      time.textContent = at.toLocaleString();
    }
  };
  const refresh = async () => {
    timer = null;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return again();
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!log && next.querySelector("pre[data-log]")) return location.reload();
      const { events } = next.body.dataset;
      if (body.dataset.events === undefined && events !== undefined) { body.dataset.events = events; open(); }
      for (const part of document.querySelectorAll("[data-live]")) {
        const fresh = next.getElementById(part.id);
        if (!fresh || fresh.innerHTML === part.dataset.seen) continue;
        const seen = fresh.innerHTML;
        part.replaceChildren(...fresh.childNodes);
        part.dataset.seen = seen;
        localize(part);
      }
    } catch { again(); }
  };
  // Where a stream is open its next event does the same.
  const again = () => { say("\\u25cb reconnecting"); if (!source && !document.hidden) timer ??= setTimeout(refresh, 5000); };
  const soon = () => { timer ??= setTimeout(refresh, 700); };
  const follow = (url, onMessage) => {
    source = new EventSource(url);
    source.onopen = () => { clearTimeout(stale); stale = null; say("\\u25cf live"); soon(); };
    source.onerror = () => {
      say("\\u25cb reconnecting");
      stale ??= setTimeout(() => say("\\u25b2 stale: reload the page"), 30000);
    };
    source.onmessage = onMessage;
  };
  let log = document.querySelector("pre[data-log]");
  const isLive = log !== null || body.dataset.events !== undefined;
  const append = (message) => {
    const line = JSON.parse(message.data);
    const row = document.createElement("span");
    row.className = line.source;
    row.textContent = line.text + "\\n";
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
    log.append(row);
    while (log.childNodes.length > 5000) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
    log.dataset.after = line.number;
  };
  if (log) log.scrollTop = log.scrollHeight;
  const open = () => {
    if (source || document.hidden) return;
    if (log) {
      follow(log.dataset.log + "&after=" + log.dataset.after, append);
      source.addEventListener("end", () => { close(); log = null; delete body.dataset.events; soon(); say("\\u25a0 ended"); });
    } else if (body.dataset.events !== undefined) follow("/api/v1/events" + body.dataset.events, soon);
  };
  const close = () => { source?.close(); source = null; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else { open(); if (isLive && !source) soon(); }
  });
  setInterval(() => { if (source && (log || document.querySelector("[data-waits]"))) soon(); }, 10000);
  localize(document);
  open();
})();
`;
