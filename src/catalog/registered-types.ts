// In charge of the types of custom attributes and event properties: the first accepted value or a declaration sets one, for all processes.
// Not of judging values (ingest does that) nor of declaring and listing (declare-type.ts).
import type { Database, Queryable, Statement } from '../db/database.ts';
import type { ValueType } from './catalog.ts';

/** `opaque`: a list that is not all strings, kept but not for rules. */
export type StoredType = ValueType | 'opaque';

export interface RegisteredType {
  readonly type: StoredType;
  readonly declared: boolean;
}

/** `event` null: a customer's attribute. `name` null: the event's own name. */
export interface TypeProposal {
  readonly event: string | null;
  readonly name: string | null;
  readonly type: StoredType | 'event';
}

interface TypeRow {
  readonly scope: 'attribute' | 'property';
  readonly event_name: string;
  readonly name: string;
  readonly type: StoredType | 'event';
  readonly declared: boolean;
}

/** Counts redeclarations that changed a type: values judged under an older count must be judged again. */
export const READ_TYPES_VERSION: Statement = {
  name: 'catalog_read_types_version',
  text: `
select coalesce((select settings.value from settings where settings.name = 'types_version'), '0') as version`,
};

/** The first one stays. In order of the key, so that two never wait for each other. */
export function registerTypes(proposals: readonly TypeProposal[]): Statement {
  return {
    name: 'catalog_register_types',
    text: `
insert into registered_types (scope, event_name, name, type)
select proposed.scope, proposed.event_name, proposed.name, proposed.type
from jsonb_to_recordset($1::jsonb) as proposed (scope text, event_name text, name text, type text)
order by proposed.scope collate "C", proposed.event_name collate "C", proposed.name collate "C"
on conflict (scope, event_name, name) do nothing`,
    values: [JSON.stringify(proposals.map(proposalRow))],
  };
}

function proposalRow(proposal: TypeProposal) {
  const scope = proposal.event === null ? 'attribute' : 'property';
  return { scope, event_name: proposal.event ?? '', name: proposal.name ?? '', type: proposal.type };
}

/**
 * What one process knows of the types. It may know too little (another process registered more), never wrongly except after
 * a redeclaration, which raises `version`.
 */
export class RegisteredTypes {
  #version = '0';
  #attributes = new Map<string, RegisteredType>();
  #events = new Map<string, Map<string, RegisteredType>>();

  static async load(database: Database): Promise<RegisteredTypes> {
    const types = new RegisteredTypes();
    await types.reload(database);
    return types;
  }

  get version(): string {
    return this.#version;
  }

  attribute(name: string): RegisteredType | undefined {
    return this.#attributes.get(name);
  }

  hasEvent(event: string): boolean {
    return this.#events.has(event);
  }

  property(event: string, name: string): RegisteredType | undefined {
    return this.#events.get(event)?.get(name);
  }

  async reload(database: Queryable): Promise<void> {
    // the version first: types that are newer than it are only judged once more
    const [version] = await database.query<{ version: string }>(READ_TYPES_VERSION);
    const rows = await database.query<TypeRow>({
      name: 'catalog_read_types',
      text: `
select registered_types.scope, registered_types.event_name, registered_types.name, registered_types.type, registered_types.declared
from registered_types`,
    });
    this.#version = version?.version ?? '0';
    this.#attributes = new Map();
    this.#events = new Map();
    this.#learn(rows);
  }

  /** Reads them again if one was redeclared since, by whatever process. → whether one was */
  async refresh(database: Queryable): Promise<boolean> {
    const [row] = await database.query<{ version: string }>(READ_TYPES_VERSION);
    if ((row?.version ?? '0') === this.#version) return false;
    await this.reload(database);
    return true;
  }

  /** Registers in a short transaction of its own; → those that somebody else had registered first with another type. */
  async register(database: Queryable, proposals: readonly TypeProposal[]): Promise<readonly TypeProposal[]> {
    if (proposals.length === 0) return [];
    await database.query(registerTypes(proposals));
    const rows = await database.query<TypeRow>({
      name: 'catalog_read_proposed_types',
      text: `
select registered_types.scope, registered_types.event_name, registered_types.name, registered_types.type, registered_types.declared
from jsonb_to_recordset($1::jsonb) as proposed (scope text, event_name text, name text)
join registered_types
  on registered_types.scope = proposed.scope
  and registered_types.event_name = proposed.event_name
  and registered_types.name = proposed.name`,
      values: [JSON.stringify(proposals.map(proposalRow))],
    });
    this.#learn(rows);
    return proposals.filter((proposal) => this.#typeOf(proposal) !== proposal.type);
  }

  #typeOf({ event, name }: TypeProposal): StoredType | 'event' | undefined {
    if (event === null) return this.attribute(name ?? '')?.type;
    if (name === null) return this.hasEvent(event) ? 'event' : undefined;
    return this.property(event, name)?.type;
  }

  #learn(rows: readonly TypeRow[]): void {
    for (const row of rows) {
      if (row.scope === 'attribute') {
        if (row.type !== 'event') this.#attributes.set(row.name, { type: row.type, declared: row.declared });
        continue;
      }
      let properties = this.#events.get(row.event_name);
      if (properties === undefined) {
        properties = new Map();
        this.#events.set(row.event_name, properties);
      }
      if (row.type !== 'event') properties.set(row.name, { type: row.type, declared: row.declared });
    }
  }
}

/** What a batch knows: the registered types and what its accepted rows propose. A row's own proposals wait until it is accepted. */
export class BatchTypes {
  readonly #registered: RegisteredTypes;
  readonly #proposals = new Map<string, TypeProposal>();
  #row: TypeProposal[] = [];

  constructor(registered: RegisteredTypes) {
    this.#registered = registered;
  }

  get version(): string {
    return this.#registered.version;
  }

  /** The type of an attribute (`event` null) or a property, and how it came to be. */
  find(event: string | null, name: string): { readonly type: StoredType; readonly by: string } | undefined {
    const registered = event === null ? this.#registered.attribute(name) : this.#registered.property(event, name);
    if (registered !== undefined) return { type: registered.type, by: registered.declared ? 'by declaration' : 'by its first value' };
    if (this.#proposals.size === 0) return undefined;
    const proposed = this.#proposals.get(proposalKey(event, name));
    return proposed === undefined || proposed.type === 'event' ? undefined : { type: proposed.type, by: 'by an earlier row' };
  }

  propose(event: string | null, name: string, type: StoredType): void {
    this.#row.push({ event, name, type });
  }

  proposeEvent(event: string): void {
    if (!this.#registered.hasEvent(event)) this.#row.push({ event, name: null, type: 'event' });
  }

  acceptRow(): void {
    for (const proposal of this.#row) this.#proposals.set(proposalKey(proposal.event, proposal.name), proposal);
    if (this.#row.length > 0) this.#row = [];
  }

  dropRow(): void {
    if (this.#row.length > 0) this.#row = [];
  }

  proposals(): readonly TypeProposal[] {
    return [...this.#proposals.values()];
  }
}

function proposalKey(event: string | null, name: string | null): string {
  return `${event === null ? 'a' : 'e'}${event ?? ''}\n${name === null ? '' : `n${name}`}`; // no name holds a line end
}
