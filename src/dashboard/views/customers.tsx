// In charge of `#/customers`: finding a customer by id or by email, and the list in order of id. One customer: customer/customer.tsx.
import { type FormEvent, useState } from 'react';
import { usePages } from '../api/use-pages.ts';
import type { ViewProps } from '../page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Empty, Shown } from '../parts/reading.tsx';
import { changeQuery, goTo, hrefOf } from '../route.ts';
import { useFormats, useSpoken, useTexts } from '../texts/texts.tsx';
import { CustomerView } from './customer/customer.tsx';
import { type Customer, inWords, nameOf } from './customer/profile.tsx';
import './customer/customer.css';

const PAGE = 50;

export default function Customers({ place }: ViewProps) {
  const id = place.path[1];
  return id === undefined ? <CustomerList place={place} /> : <CustomerView key={id} id={id} />;
}

function CustomerList({ place }: ViewProps) {
  const { customers: texts } = useTexts();
  const email = place.query.get('email') ?? undefined;
  const pages = usePages<Customer>('/v1/customers', { limit: PAGE, email });
  return (
    <>
      <header className="view-head">
        <h1>{texts.title}</h1>
      </header>
      <section className="card stack" aria-label={texts.title}>
        <Find key={email} email={email} onEmail={(wanted) => changeQuery(place, { email: wanted })} />
        <Shown read={pages.read}>
          {({ data }) => (
            <>
              <CustomerTable rows={data} email={email} />
              <Pager pages={pages} />
            </>
          )}
        </Shown>
      </section>
    </>
  );
}

/** An id may contain an `@` too: then the customer with this id is offered beside those with this email. */
function Find({ email, onEmail }: { readonly email: string | undefined; readonly onEmail: (email: string | null) => void }) {
  const { customers: texts, action } = useTexts();
  const [wanted, setWanted] = useState(email ?? '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wanted === '') onEmail(null);
    else if (wanted.includes('@')) onEmail(wanted.trim());
    else goTo(['customers', wanted]);
  };
  return (
    <search>
      <form className="find" onSubmit={submit}>
        <input
          type="search"
          aria-label={texts.find}
          placeholder={texts.find}
          autoComplete="off"
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
        <button type="submit">{action.search}</button>
        {email === undefined ? null : (
          <>
            <button type="button" onClick={() => onEmail(null)}>
              {action.clear}
            </button>
            <a href={hrefOf(['customers', email])}>{texts.asId}</a>
          </>
        )}
      </form>
    </search>
  );
}

function CustomerTable({ rows, email }: { readonly rows: readonly Customer[]; readonly email: string | undefined }) {
  const { customers: texts } = useTexts();
  const { language } = useSpoken();
  const formats = useFormats();
  if (rows.length === 0)
    return (
      <Empty title={email === undefined ? texts.none : texts.noneFound}>
        <p>{email === undefined ? texts.noneLead : texts.noneFoundLead}</p>
      </Empty>
    );
  return (
    <div className="scroll">
      <table className="rows customers">
        <thead>
          <tr>
            <th scope="col">{texts.customer}</th>
            <th scope="col">{texts.place}</th>
            <th scope="col" className="wide-only">
              {texts.tags}
            </th>
            <th scope="col" className="wide-only">
              {texts.since}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((customer) => (
            <tr key={customer.id}>
              <th scope="row">
                <a className="customer-link" href={hrefOf(['customers', customer.id])}>
                  <bdi>{nameOf(customer) ?? customer.id}</bdi>
                </a>
                {nameOf(customer) === undefined ? null : (
                  <small>
                    <bdi>{customer.id}</bdi>
                  </small>
                )}
              </th>
              <td>
                <bdi>{[customer.city, inWords('region', customer.country, language)].filter(Boolean).join(', ')}</bdi>
              </td>
              <td className="wide-only">
                <Tags tags={customer.tags} />
              </td>
              <td className="wide-only">{formats.day(customer.createdAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Tags({ tags }: { readonly tags: readonly string[] }) {
  return (
    <span className="tags">
      {tags.slice(0, 4).map((tag) => (
        <bdi key={tag} className="status">
          {tag}
        </bdi>
      ))}
      {tags.length > 4 ? <small>+{tags.length - 4}</small> : null}
    </span>
  );
}
