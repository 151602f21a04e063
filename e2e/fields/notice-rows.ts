import { createHmac } from "node:crypto";
import { expect } from "vitest";
import type { FieldRow } from "./field-row.ts";

/** Fields of what tells people and systems, with a mail server and a web server that keep what they get. */
export const noticeRows: readonly FieldRow[] = [
  {
    does: "email sends one mail to a mail server",
    shows: ["connection", "to", "cc", "bcc", "from", "subject", "text", "html"].map((field) => `email.${field}`),
    yaml: [
      `id: by_mail
parameters: {rows: 3}
tasks:
  - id: a
    type: email
    operator:
      connection: mail
      from: sender@example.com
      to: [one@example.com, two@example.com]
      cc: three@example.com
      bcc: four@example.com
      subject: "{{ params.rows }} rows"
      text: As text.
      html: "<p>As HTML.</p>"
`,
    ],
    check({ mail }) {
      const sent = mail.mails.find((text) => text.includes("Subject: 3 rows")) ?? "";
      const recipients = [...sent.matchAll(/^RCPT TO:<(\w+)@example\.com>/gim)].map((match) => match[1]);
      expect(recipients.toSorted()).toEqual(["four", "one", "three", "two"]);
      for (const part of ["From: sender@example.com", "Cc: three@example.com", "As text.", "<p>As HTML.</p>"])
        expect(sent).toContain(part);
      expect(sent).not.toMatch(/^(Bcc|To|Cc):.*four/im);
    },
  },
  {
    does: "slack posts text or blocks to the address of its connection",
    shows: ["slack.connection", "slack.text", "slack.blocks"],
    yaml: [
      `id: by_slack
tasks:
  - id: a
    type: slack
    operator:
      connection: team
      text: "{{ run.dag_id }} is done"
      blocks: [{type: section, text: {type: mrkdwn, text: "*done*"}}]
`,
    ],
    check({ web }) {
      const posted = web.requests.find(({ url }) => url === "/services/team");
      expect(JSON.parse(posted?.body ?? "{}")).toEqual({
        text: "by_slack is done",
        blocks: [{ type: "section", text: { type: "mrkdwn", text: "*done*" } }],
      });
    },
  },
  {
    does: "webhook posts JSON, signed with a key",
    shows: ["url", "connection", "headers", "body", "signing_key"].map((field) => `webhook.${field}`),
    yaml: [
      `id: by_hook
parameters: {url: ""}
tasks:
  - {id: plain, type: webhook, operator: {url: "{{ params.url }}/hook/plain"}}
  - id: signed
    type: webhook
    operator:
      connection: web
      url: /hook/signed
      headers: {X-Of: test}
      body: {rows: 3}
      signing_key: "{{ secrets.hook_key }}"
`,
    ],
    async act({ web, trigger, ended }) {
      const run = await ended(await trigger("by_hook", { parameters: { url: web.url } }));
      expect(run.state).toBe("success");
      const sent = (url: string) => web.requests.find((request) => request.url === url);
      expect(JSON.parse(sent("/hook/plain")?.body ?? "{}")).toMatchObject({ dag_run_id: run.id, task_id: "plain" });
      const { headers = {}, body = "" } = sent("/hook/signed") ?? {};
      expect({ of: headers["x-of"], body }).toEqual({ of: "test", body: '{"rows":3}' });
      const text = [headers["x-millrace-timestamp"], headers["x-millrace-delivery"], body].join(".");
      const signature = createHmac("sha256", "a key that nobody guesses").update(text).digest("hex");
      expect(headers["x-millrace-signature"]).toBe(`sha256=${signature}`);
    },
  },
];
