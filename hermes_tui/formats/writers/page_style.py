"""The style sheet of exported pages."""

from typing import Final

STYLE: Final = """\
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1b1f24; --dim: #57606a; --line: #d0d7de; --inset: #f6f8fa;
  --link: #0757b8; --error: #b3161f; --error-back: #fff0f0; --warning: #7d4e00;
  --warning-back: #fff8e1; --system: #6e7781; --user: #0757b8; --assistant: #6b2fb3;
  --tool: #116329;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --ink: #e6edf3; --dim: #9aa4af; --line: #30363d; --inset: #161b22;
    --link: #79b8ff; --error: #ff8f8a; --error-back: #2d1214; --warning: #e3b341;
    --warning-back: #272008; --system: #8b949e; --user: #79b8ff; --assistant: #d2a8ff;
    --tool: #7ee787;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
a { color: var(--link); }
h1 { font-size: 1.5rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
h3 { font-size: .95rem; margin: .75rem 0 .35rem; overflow-wrap: anywhere; }
small { font-weight: normal; color: var(--dim); font-size: .85em; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .875em; }
pre { margin: .35rem 0; padding: .6rem .75rem; background: var(--inset);
  border: 1px solid var(--line); border-radius: 4px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
pre.value { margin: 0; padding: 0; border: 0; background: none; }
table { border-collapse: collapse; width: 100%; margin: 0 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.facts th { width: 11rem; color: var(--dim); font-weight: normal; }
#findings :is(th, td):nth-child(-n+4) { white-space: nowrap; overflow-wrap: normal; }
#findings td:nth-child(5) { width: 100%; }
article, .other { margin: 1.25rem 0; padding: .75rem 1rem; border: 1px solid var(--line);
  border-left: 5px solid var(--system); border-radius: 4px; }
article.user { border-left-color: var(--user); }
article.assistant { border-left-color: var(--assistant); }
article.tool { border-left-color: var(--tool); }
article.unknown { border-left-style: dashed; }
.other { color: var(--dim); }
.other p { margin: 0; overflow-wrap: anywhere; }
:target { outline: 2px solid var(--link); outline-offset: 2px; }
.call, .result { margin-left: 1rem; }
.badge { display: inline-block; padding: 0 .45em; border: 1px solid var(--dim);
  border-radius: 1em; font-size: .8em; font-weight: normal; }
.label { margin: .35rem 0 0; color: var(--dim); }
.hint { color: var(--dim); font-style: italic; }
.finding { margin: .35rem 0; padding: .3rem .6rem; border-left: 3px solid var(--dim);
  overflow-wrap: anywhere; }
.finding.error { border-color: var(--error); background: var(--error-back); }
.finding.warning { border-color: var(--warning); background: var(--warning-back); }
.error > strong, tr.error td:first-child { color: var(--error); }
.warning > strong, tr.warning td:first-child { color: var(--warning); }
.failed > pre, .failed > details > pre { border-left: 3px solid var(--error); }
.failed.warning > pre, .failed.warning > details > pre { border-color: var(--warning); }
summary { cursor: pointer; overflow-wrap: anywhere; }
.reasoning { margin: .35rem 0; color: var(--dim); }
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
