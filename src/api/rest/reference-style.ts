// In charge of how the reference page looks: one sheet, in light and dark, wide and narrow. Nothing is loaded.

export const REFERENCE_STYLE = `
:root { color-scheme: light dark; --ground: #fff; --raised: #f6f7f9; --line: #e2e5ea; --text: #1b1f24; --soft: #59636e; --link: #0b57d0;
  --get: #0a6640; --put: #8a5200; --post: #0b57d0; --patch: #8a5200; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --raised: #1c2024; --line: #2f353b; --text: #e4e7ea; --soft: #a0a8b0;
  --link: #8ab4f8; --get: #7fd1a3; --put: #f0b866; --post: #8ab4f8; --patch: #f0b866; --delete: #f2a19b; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code, pre { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
p { margin: .5rem 0; max-width: 44rem; }
nav { padding: 1rem 1.25rem; border-bottom: 1px solid var(--line); }
nav > a { font-weight: 650; font-size: 1.05rem; color: var(--text); }
nav ul { list-style: none; margin: .25rem 0; padding: 0; }
nav li a { display: block; padding: .15rem 0; color: var(--soft); overflow-wrap: anywhere; }
nav summary { cursor: pointer; padding: .2rem 0; }
nav details details { padding-left: .9rem; }
nav details details ul { padding-left: .9rem; font-size: .93em; }
main { padding: 1rem 1.25rem 4rem; min-width: 0; }
h1 { font-size: 1.7rem; margin: .25rem 0 .5rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .25rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0 0 .25rem; }
h4 { font-size: .8rem; margin: 1rem 0 .25rem; color: var(--soft); font-weight: 600; text-transform: uppercase; letter-spacing: .04em; }
article { margin: 2rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line); display: grid; gap: .5rem 2rem; grid-template-columns: minmax(0, 1fr); }
h2 + p + article, h2 + article { border-top: 0; padding-top: 0; }
.call { overflow-wrap: anywhere; }
.call b { font-weight: 700; }
.GET { color: var(--get); } .PUT { color: var(--put); } .POST { color: var(--post); } .PATCH { color: var(--patch); } .DELETE { color: var(--delete); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); font-weight: 400; }
tr:first-child > th, tr:first-child > td { border-top: 0; }
tbody th { width: 34%; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; }
thead th { color: var(--soft); font-size: .85rem; }
.errors { table-layout: fixed; }
.errors th:nth-child(1) { width: 12.5rem; }
.errors th:nth-child(2) { width: 4.5rem; }
.errors th:nth-child(4) { width: 36%; }
.type { color: var(--soft); }
.needed { color: var(--delete); font-size: .8rem; }
.note { color: var(--soft); font-size: .85rem; font-weight: 400; text-transform: none; letter-spacing: 0; }
pre { margin: 0; padding: .75rem; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; overflow: auto; max-height: 26rem; }
details.schema { border-top: 1px solid var(--line); padding: .4rem 0; }
details.schema summary { cursor: pointer; overflow-wrap: anywhere; }
:target h3, h2:target { text-decoration: underline; text-decoration-color: var(--link); text-underline-offset: .3em; }
tr:target { background: var(--raised); }
.schema > div { scroll-margin-top: 3.5rem; }
@media (min-width: 1000px) {
  body { display: grid; grid-template-columns: 270px minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-bottom: 0; border-right: 1px solid var(--line); }
  main { padding: 1.5rem 2.5rem 6rem; max-width: 1300px; }
  article { grid-template-columns: minmax(0, 11fr) minmax(0, 9fr); }
}
@media (max-width: 600px) { .errors thead { display: none; } .errors tr, .errors th, .errors td { display: block; width: auto !important; }
  .errors td { border-top: 0; padding-top: 0; } .errors tr { border-top: 1px solid var(--line); } .errors th { border-top: 0; } }
@media print { nav { display: none; } pre { max-height: none; } }
`;
