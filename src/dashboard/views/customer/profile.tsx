// In charge of what is known about a customer: shown as far as the key may see it; if it may not, that is said.
import type { ReactNode } from 'react';
import { useFormats, useSpoken, useTexts } from '../../texts/texts.tsx';

export interface Customer {
  readonly id: string;
  readonly email?: string | null;
  readonly phone?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  readonly gender: string | null;
  readonly birthday?: string | null;
  readonly country: string | null;
  readonly region: string | null;
  readonly city: string | null;
  readonly postalCode?: string | null;
  readonly language: string | null;
  readonly source: string | null;
  readonly tags: readonly string[];
  readonly consent: Readonly<Record<string, boolean>>;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
}

const FIELDS = ['email', 'phone', 'gender', 'birthday', 'country', 'region', 'city', 'postalCode', 'language', 'source'] as const;

/** Written as is usual in their script: family name first and without a space in Han, Kana or Hangul. */
export function nameOf({ firstName, lastName }: Pick<Customer, 'firstName' | 'lastName'>): string | undefined {
  const isEastern = /^[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}]+$/u.test(`${firstName ?? ''}${lastName ?? ''}`);
  const parts = (isEastern ? [lastName, firstName] : [firstName, lastName]).filter((part) => part != null && part !== '');
  return parts.length === 0 ? undefined : parts.join(isEastern ? '' : ' ');
}

export function Profile({ customer }: { readonly customer: Customer }) {
  const { customer: texts } = useTexts();
  const formats = useFormats();
  const given = FIELDS.flatMap((field) => {
    const value = customer[field];
    return value == null ? [] : [[field, value] as const];
  });
  const consents = Object.entries(customer.consent);
  return (
    <section className="card profile" aria-labelledby="profile">
      <h2 id="profile">{texts.profile}</h2>
      {customer.email === undefined ? <p className="note">{texts.noPersonal}</p> : null}
      <dl>
        {given.map(([field, value]) => (
          <Fact key={field} name={texts.fields[field]}>
            <GivenValue field={field} value={value} />
          </Fact>
        ))}
        {customer.tags.length === 0 ? null : (
          <Fact name={texts.tags}>
            <span className="tags">
              {customer.tags.map((tag) => (
                <bdi key={tag} className="status">
                  {tag}
                </bdi>
              ))}
            </span>
          </Fact>
        )}
        {consents.map(([purpose, isGiven]) => (
          <Fact key={purpose} name={texts.consent(purpose)}>
            {isGiven ? texts.yes : texts.no}
          </Fact>
        ))}
        {Object.entries(customer.attributes ?? {}).map(([name, value]) => (
          <Fact key={name} name={name}>
            <bdi>{printValue(value)}</bdi>
          </Fact>
        ))}
        <Fact name={texts.since}>{formats.instant(customer.createdAt)}</Fact>
      </dl>
    </section>
  );
}

/** A code is shown beside its meaning, since rules ask for the code. */
function GivenValue({ field, value }: { readonly field: (typeof FIELDS)[number]; readonly value: string }) {
  const { language } = useSpoken();
  const formats = useFormats();
  if (field === 'birthday') return formats.day(value);
  const kind = field === 'country' ? 'region' : field === 'language' ? 'language' : null;
  const words = kind === null ? null : inWords(kind, value, language);
  return (
    <>
      <bdi>{value}</bdi> {words === null || words === value ? null : <small>{words}</small>}
    </>
  );
}

/** The meaning of a code of ISO 3166 or of a language; whatever else was sent stays as it is. */
export function inWords(kind: 'region' | 'language', code: string | null, language: string): string | null {
  if (code === null || !(kind === 'region' ? /^[A-Z]{2}$/ : /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/).test(code)) return code;
  return new Intl.DisplayNames(language, { type: kind }).of(code) ?? code;
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>
        <bdi>{name}</bdi>
      </dt>
      <dd>{children}</dd>
    </div>
  );
}

export function printValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(printValue).join(', ');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
