// What a field is called: those that every shop has in the words of the language, those of this shop by their own name.
import type { Texts } from '../../texts/en.ts';

export function fieldLabel(kind: string, name: string, { fields }: Texts['editor']['builder']): string {
  return kind === 'field' ? (fields[name as keyof typeof fields] ?? name) : name;
}
