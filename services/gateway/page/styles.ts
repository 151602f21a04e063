/** The page's only stylesheet, inlined and allowed by its hash. */
export const stylesheet = `
:root { color-scheme: light dark; --bg: #fbfbfa; --panel: #fff; --text: #1d2125; --soft: #5a6370; --line: #dcdfe4;
  --link: #0b5cad; --gray: #6b7480; --blue: #1668c7; --green: #18794e; --red: #c62a2f; --violet: #7a3fc4;
  --orange: #b25000; --yellow: #8a6a00; }
@media (prefers-color-scheme: dark) { :root { --bg: #15181c; --panel: #1c2026; --text: #e6e8eb; --soft: #a3abb6;
  --line: #343a43; --link: #7db7ff; --gray: #a0a8b3; --blue: #6cb0ff; --green: #5fd39a; --red: #ff8a8a;
  --violet: #c3a0ff; --orange: #ffab66; --yellow: #e3c558; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 1280px; margin: 0 auto; padding: 12px 16px; }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; border-bottom: 1px solid var(--line); }
header .brand { font-weight: 700; color: var(--text); text-decoration: none; }
header .live { margin-left: auto; color: var(--soft); font-size: 13px; }
a { color: var(--link); }
h1 { font-size: 22px; margin: 12px 0 4px; overflow-wrap: anywhere; }
.nowrap, td time { white-space: nowrap; }
h2 { font-size: 16px; margin: 24px 0 8px; }
p { margin: 4px 0; }
.soft { color: var(--soft); }
.mono, pre, code { font-family: ui-monospace, monospace; font-size: 13px; }
h1.mono { font-size: 18px; }
.wrap { overflow-wrap: anywhere; }
.wrap time { white-space: normal; }
.words { overflow-wrap: normal; }
table { width: 100%; border-collapse: collapse; background: var(--panel); border: 1px solid var(--line); }
th, td { text-align: left; vertical-align: top; padding: 6px 10px; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; font-size: 13px; }
td[data-label="took"] { white-space: nowrap; }
td[data-label="try"] > div { min-width: 7ch; }
td[data-label="task"] > div, td[data-label="worker"] > div:not(:empty) { min-width: 16ch; }
td[data-label="why"] > div:not(:empty) { min-width: 30ch; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 8px 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--panel); border: 1px solid var(--line); padding: 10px; overflow: auto; margin: 8px 0; }
pre.log { max-height: 75vh; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.log .stderr { color: var(--orange); }
pre.log .system { color: var(--soft); }
form { margin: 0; }
form.inline { display: inline-block; margin: 0 4px 4px 0; }
form.stack { display: grid; gap: 10px; max-width: 560px; }
label { display: grid; gap: 2px; }
input, select, textarea, button, a.button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--gray);
  border-radius: 6px; padding: 4px 10px; max-width: 100%; }
button { cursor: pointer; }
a.button { display: inline-block; margin: 0 4px 4px 0; text-decoration: none; }
button:hover, a.button:hover { border-color: var(--link); color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.state { white-space: nowrap; }
.state i { font-style: normal; font-weight: 700; display: inline-block; width: 1.4em; text-align: center; }
.gray i { color: var(--gray); } .blue i { color: var(--blue); } .green i { color: var(--green); }
.red i { color: var(--red); } .violet i { color: var(--violet); } .orange i { color: var(--orange); }
.yellow i { color: var(--yellow); } .struck { text-decoration: line-through; }
.notice { border-left: 4px solid var(--orange); background: var(--panel); padding: 8px 12px; margin: 12px 0; }
.notice.red { border-color: var(--red); }
.tag { border: 1px solid var(--line); border-radius: 10px; padding: 0 8px; margin-right: 4px; font-size: 13px; }
@media (max-width: 720px) {
  table, tbody, tr, td { display: block; width: 100%; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border-bottom: 2px solid var(--line); padding: 6px 0; }
  td { border: 0; padding: 2px 10px; display: grid; grid-template-columns: 92px 1fr; gap: 8px; }
  td::before { content: attr(data-label); color: var(--soft); font-size: 13px; }
  td:has(> div:empty) { display: none; }
  td[data-label="why"] > div:not(:empty) { min-width: 0; }
  dl { grid-template-columns: 92px 1fr; gap: 2px 8px; }
}
`;
