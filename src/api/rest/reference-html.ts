// In charge of the smallest pieces of the reference page: text made harmless, descriptions with `code`, types of schemas in words. Not of what
// is on the page (reference-page.ts).
import type { JsonSchema } from './json-schema.ts';

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Paragraphs with `code` in them, as the descriptions of the document are written. */
export function proseHtml(text: string): string {
  return text
    .split(/\n{2,}/)
    .map((paragraph) => `<p>${phraseHtml(paragraph)}</p>`)
    .join('');
}

export function phraseHtml(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** A type in words, with links to the schemas that it names. */
export function typeHtml(schema: JsonSchema): string {
  const { $ref, anyOf, type, items, format, const: fixed } = schema;
  const values = schema['enum'];
  if (typeof $ref === 'string') return schemaLink($ref);
  if (Array.isArray(anyOf)) return anyOf.map(typeHtml).join(' or ');
  if (fixed !== undefined) return `<code>${escapeHtml(JSON.stringify(fixed))}</code>`;
  if (Array.isArray(values)) return values.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(' ');
  if (Array.isArray(type)) return type.map((each) => (each === 'null' ? 'null' : typeHtml({ ...schema, type: each }))).join(' or ');
  if (type === 'array') return `list of ${typeHtml((items ?? {}) as JsonSchema)}`;
  if (type === undefined) return 'anything';
  return typeof format === 'string' ? `${escapeHtml(String(type))}, ${escapeHtml(format)}` : escapeHtml(String(type));
}

function schemaLink(reference: string): string {
  const name = reference.replace('#/components/schemas/', '');
  return `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`;
}

/** One row for each property; those of a nested object come after the property that holds it. */
export function propertiesHtml(schema: JsonSchema): string {
  const rows = rowsOf(schema, '');
  if (rows.length === 0) return `<p>${typeHtml(schema)}</p>`;
  return `<div class="scroll"><table><tbody>${rows.join('')}</tbody></table></div>`;
}

function rowsOf(schema: JsonSchema, before: string): string[] {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const required = (schema['required'] ?? []) as readonly string[];
  return Object.entries(properties).flatMap(([name, property]) => {
    const inner = objectIn(property);
    return [
      rowHtml(`${before}${name}`, property, required.includes(name)),
      ...(inner === undefined ? [] : rowsOf(inner, `${before}${name}${property === inner ? '' : '[]'}.`)),
    ];
  });
}

/** The schema of the object that a property, or each of its items, is, if it has no name of its own. */
function objectIn(property: JsonSchema): JsonSchema | undefined {
  if (property['properties'] !== undefined) return property;
  const items = property['items'] as JsonSchema | undefined;
  return items?.['properties'] === undefined ? undefined : items;
}

export function rowHtml(name: string, schema: JsonSchema, isRequired: boolean, description = schema['description']): string {
  const needed = isRequired ? ' <span class="needed" title="needed">needed</span>' : '';
  const standard =
    schema['default'] === undefined ? '' : ` <span class="note">${escapeHtml(JSON.stringify(schema['default']))} unless given</span>`;
  const said = typeof description === 'string' ? `<div>${phraseHtml(description)}</div>` : '';
  return `<tr><th scope="row"><code>${escapeHtml(name)}</code>${needed}</th><td><span class="type">${typeHtml(schema)}</span>${standard}${said}</td></tr>`;
}
