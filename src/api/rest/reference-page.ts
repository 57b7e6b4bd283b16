// In charge of the reference page: the OpenAPI document as one page of plain HTML, which needs nothing else. Made only from the document and
// the guide to errors. Not of serving it (docs.ts).
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { ERROR_GUIDE } from './error-guide.ts';
import type { JsonSchema } from './json-schema.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { escapeHtml, phraseHtml, propertiesHtml, proseHtml, rowHtml, typeHtml } from './reference-html.ts';
import { REFERENCE_STYLE } from './reference-style.ts';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

interface Media {
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly [];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Readonly<Record<string, Media>> }>>;
}

interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

export function renderReference(given: JsonSchema): string {
  const document = given as unknown as Document;
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
      schemas: document.components.schemas,
    })),
  );
  const byTag = document.tags.map((tag) => ({ ...tag, calls: calls.filter(({ operation }) => operation.tags.includes(tag.name)) }));
  const sections = byTag.map((tag) => sectionHtml(tag.name, tag.description, tag.calls.map(operationHtml).join('')));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(document.info.title)} API</title><style>${REFERENCE_STYLE}</style></head>
<body>${navigationHtml(byTag)}
<main><h1 id="top">${escapeHtml(document.info.title)} API <span class="note">${escapeHtml(document.info.version)}</span></h1>
${proseHtml(document.info.description)}
${proseHtml('Keys go into the header `Authorization: Bearer …`. Each operation names the scope that it needs.')}
<p>The same as a document for programs: <a href="/openapi.json"><code>/openapi.json</code></a>. GraphQL answers at <code>/graphql</code>.</p>
${sections.join('\n')}
${sectionHtml('errors', 'Every code a refusal can carry. Its `type` is `urn:strata:error:` and the code.', errorsHtml())}
${sectionHtml('schemas', 'What has a name in requests and answers.', schemasHtml(document.components.schemas))}
</main></body></html>
`;
}

function navigationHtml(tags: readonly { readonly name: string; readonly calls: readonly Call[] }[]): string {
  const groups = tags.map(({ name, calls }) => {
    const items = calls.map(({ operation }) => `<li><a href="#${operation.operationId}">${phraseHtml(operation.summary)}</a></li>`);
    return `<details><summary><a href="#${name}">${titleOf(name)}</a></summary><ul>${items.join('')}</ul></details>`;
  });
  const rest = ['errors', 'schemas'].map((name) => `<li><a href="#${name}">${titleOf(name)}</a></li>`);
  return `<nav aria-label="Contents"><a href="#top">Strata API</a><details open><summary>Contents</summary>${groups.join('')}<ul>${rest.join('')}</ul></details></nav>`;
}

function sectionHtml(name: string, description: string, content: string): string {
  return `<section><h2 id="${name}">${titleOf(name)}</h2>${proseHtml(description)}${content}</section>`;
}

function titleOf(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function operationHtml(call: Call): string {
  const { method, path, operation } = call;
  const description = operation.description === undefined ? '' : proseHtml(operation.description);
  return `<article id="${operation.operationId}"><div><h3>${phraseHtml(operation.summary)}</h3>
<p class="call"><code><b class="${method}">${method}</b> ${escapeHtml(path)}</code></p>${description}
${parametersHtml(operation.parameters ?? [])}${bodyHtml(call)}${answersHtml(operation)}${refusalsHtml(operation)}</div>
<div>${exampleHtml(call)}</div></article>`;
}

function parametersHtml(parameters: readonly Parameter[]): string {
  const places = [...Map.groupBy(parameters, (parameter) => parameter.in)];
  return places
    .map(([place, group]) => {
      const rows = group.map(({ name, schema, required, description }) => rowHtml(name, schema, required === true, description));
      const title = place === 'header' ? 'Headers' : place === 'path' ? 'Path' : 'Query';
      return `<h4>${title}</h4><div class="scroll"><table><tbody>${rows.join('')}</tbody></table></div>`;
    })
    .join('');
}

function bodyHtml({ operation: { requestBody }, schemas }: Call): string {
  if (requestBody === undefined) return '';
  const [[type, media] = ['', { schema: {} }]] = Object.entries(requestBody.content);
  const types = Object.keys(requestBody.content).map((each) => `<code>${escapeHtml(each)}</code>`);
  const content =
    type === 'application/json' ? bodySchemaHtml(media.schema, schemas) : proseHtml(String(media.schema['description'] ?? ''));
  return `<h4>Body <span class="note">${types.join(' or ')}${requestBody.required ? '' : ', may be left out'}</span></h4>${content}`;
}

/** What can be sent is described where it is asked for; what comes back is shown by an example. */
function bodySchemaHtml(schema: JsonSchema, schemas: Call['schemas']): string {
  const name = String(schema['$ref'] ?? '').replace('#/components/schemas/', '');
  const named = schemas[name];
  return named === undefined ? propertiesHtml(schema) : `<details><summary>${typeHtml(schema)}</summary>${propertiesHtml(named)}</details>`;
}

function schemaHtml(schema: JsonSchema): string {
  return schema['$ref'] === undefined ? propertiesHtml(schema) : `<p>${typeHtml(schema)}</p>`;
}

function answersHtml({ responses }: Operation): string {
  return Object.entries(responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, { description, content }]) => {
      const [[type, media] = ['', undefined]] = Object.entries(content ?? {});
      const shape = media === undefined ? proseHtml(description) : type === 'application/json' ? schemaHtml(media.schema) : '';
      return `<h4>Answer ${status} <span class="note">${escapeHtml(type)}</span></h4>${shape}`;
    })
    .join('');
}

function refusalsHtml({ responses }: Operation): string {
  const codes = Object.values(responses)
    .filter(({ content }) => content?.[PROBLEM_TYPE] !== undefined)
    .flatMap(({ description }) => [...description.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ''));
  const links = codes.map((code) => `<a href="#error-${code}"><code>${code}</code></a>`);
  return `<details><summary class="note">${links.length} refusals</summary><p>${links.join(' · ')}</p></details>`;
}

/** The request as curl sends it, with $URL and $KEY; and what came back. */
function exampleHtml({ method, path, operation }: Call): string {
  const parameters = operation.parameters ?? [];
  const [[type, body] = ['', undefined]] = Object.entries(operation.requestBody?.content ?? {}).filter(
    ([, media]) => media.example !== undefined,
  );
  const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(String(parameters.find((each) => each.name === name)?.example)),
  );
  const query = new URLSearchParams(parameters.filter((each) => each.in === 'query').flatMap(queryOf)).toString();
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = [
    `curl${method === 'GET' ? '' : ` -X ${method}`} ${quote(`$URL${filled}${query === '' ? '' : `?${query}`}`)}`,
    ...(operation.security === undefined ? ['-H "Authorization: Bearer $KEY"'] : []),
    ...(body === undefined ? [] : [`-H 'Content-Type: ${type}'`]),
    ...(body === undefined
      ? []
      : [
          typeof body.example === 'string'
            ? `--data-binary ${quoted(body.example)}`
            : `-d ${quoted(JSON.stringify(body.example, null, 2))}`,
        ]),
  ];
  const answers = Object.entries(operation.responses).flatMap(([status, { content }]) =>
    Object.values(content ?? {})
      .filter((media) => media.example !== undefined)
      .map((media) =>
        blockHtml(`Answer ${status}`, typeof media.example === 'string' ? media.example : JSON.stringify(media.example, null, 2)),
      ),
  );
  return blockHtml('Request', parts.join(' \\\n  ')) + answers.join('');
}

function queryOf({ name, example }: Parameter): [string, string][] {
  if (example === undefined) return [];
  if (typeof example === 'object' && example !== null) return Object.entries(example).map(([inner, value]) => [inner, String(value)]);
  return [[name, String(example)]];
}

/** In double quotes, so that the shell expands $URL. */
function quote(url: string): string {
  return `"${url}"`;
}

/** It can be scrolled, and so must be reachable by the keyboard. */
function blockHtml(title: string, text: string): string {
  return `<h4>${title}</h4><pre tabindex="0">${escapeHtml(text.replaceAll('\r', ''))}</pre>`;
}

function errorsHtml(): string {
  const rows = Object.entries(ERRORS).map(([code, { status }]) => {
    const { when, todo } = ERROR_GUIDE[code as ErrorCode];
    return `<tr id="error-${code}"><th scope="row"><code>${code}</code></th><td>${status}</td><td>${phraseHtml(when)}</td><td>${phraseHtml(todo)}</td></tr>`;
  });
  return `<table class="errors"><thead><tr><th>code</th><th>status</th><th>when</th><th>what to do</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function schemasHtml(schemas: Readonly<Record<string, JsonSchema>>): string {
  return Object.entries(schemas)
    .map(([name, schema]) => {
      const description = typeof schema['description'] === 'string' ? proseHtml(schema['description']) : '';
      return `<details class="schema"><summary><code>${name}</code></summary><div id="schema-${name}">${description}${propertiesHtml(schema)}</div></details>`;
    })
    .join('');
}
