// In charge of what is known of a customer: shown as far as the key may see it, and said where it may not.
import type { ReactNode } from 'react';
import { useFormats, useTexts } from '../../texts/texts.tsx';

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

/** As people of their script write it: family name first and without a space where it is Han, Kana or Hangul. */
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
            {field === 'birthday' ? formats.day(value) : <bdi>{value}</bdi>}
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
