// Judges a value by a JSON Schema, for the few keywords that ours uses; an unknown keyword fails loudly.

type Schema = Readonly<Record<string, unknown>>;

export function accepts(root: Schema, value: unknown, schema: Schema = root): boolean {
  return Object.entries(schema).every(([keyword, argument]) => {
    switch (keyword) {
      case '$schema':
      case 'title':
      case 'description':
      case '$defs':
      case 'additionalProperties':
        return true; // additionalProperties is always false here, and read with `properties`
      case '$ref':
        return accepts(root, value, (root['$defs'] as Record<string, Schema>)[String(argument).slice('#/$defs/'.length)]);
      case 'anyOf':
        return (argument as Schema[]).some((option) => accepts(root, value, option));
      case 'const':
        return value === argument;
      case 'enum':
        return (argument as unknown[]).includes(value);
      case 'type':
        return typeOf(value) === argument;
      case 'pattern':
        return typeof value !== 'string' || new RegExp(String(argument), 'u').test(value);
      case 'minItems':
        return !Array.isArray(value) || value.length >= Number(argument);
      case 'maxItems':
        return !Array.isArray(value) || value.length <= Number(argument);
      case 'items':
        return !Array.isArray(value) || value.every((item) => accepts(root, item, argument as Schema));
      case 'required':
        return typeOf(value) !== 'object' || (argument as string[]).every((name) => Object.hasOwn(value as object, name));
      case 'properties':
        return (
          typeOf(value) !== 'object' ||
          Object.entries(value as object).every(([name, member]) => {
            const properties = argument as Record<string, Schema>;
            return properties[name] !== undefined && accepts(root, member, properties[name]);
          })
        );
      default:
        throw new Error(`the validator does not know ${keyword}`);
    }
  });
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return value === null ? 'null' : typeof value;
}
