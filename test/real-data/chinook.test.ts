// Chinook through the API: 59 customers, 412 invoices, 2,240 lines with genres; expected members by plain loops.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CsvRow, groupBy, isThere, readCsv } from './read-csv.ts';
import { openRealShop, type RealShop } from './shop.ts';

describe.skipIf(!isThere('chinook'))('Chinook (skipped where ../shared/data/chinook is absent)', () => {
  let shop: RealShop;
  let customers: string[];
  let genresOf: Map<string, string[]>;
  let invoicesOf: Map<string, CsvRow[]>;
  const ids = (holds: (id: string) => boolean) => customers.filter(holds).sort();

  beforeAll(async () => {
    const genres = new Map(readCsv('chinook/Genre.csv').map((row) => [row['GenreId'], row['Name'] ?? '']));
    const tracks = new Map(readCsv('chinook/Track.csv').map((row) => [row['TrackId'], row]));
    const genreOf = (line: CsvRow) => genres.get(tracks.get(line['TrackId'] ?? '')?.['GenreId'] ?? '') ?? '';
    const invoices = readCsv('chinook/Invoice.csv');
    const linesOf = groupBy(readCsv('chinook/InvoiceLine.csv'), (row) => row['InvoiceId'] ?? '');
    const rows = readCsv('chinook/Customer.csv');
    customers = rows.map((row) => row['CustomerId'] ?? '');
    invoicesOf = groupBy(invoices, (row) => row['CustomerId'] ?? '');
    genresOf = new Map(
      customers.map((id) => [id, (invoicesOf.get(id) ?? []).flatMap((row) => (linesOf.get(row['InvoiceId'] ?? '') ?? []).map(genreOf))]),
    );
    shop = await openRealShop();
    await shop.importRows(
      'customers',
      rows.map((row) => ({ id: row['CustomerId'], firstName: row['FirstName'], country: row['Country'], email: row['Email'] })),
    );
    await shop.importRows(
      'orders',
      invoices.map((row) => ({
        id: row['InvoiceId'],
        customerId: row['CustomerId'],
        placedAt: `${row['InvoiceDate']?.replace(' ', 'T')}Z`,
        total: row['Total'],
        items: linesOf.get(row['InvoiceId'] ?? '')?.map((line) => ({
          productId: line['TrackId'],
          category: genreOf(line),
          quantity: line['Quantity'],
          unitPrice: line['UnitPrice'],
        })),
      })),
    );
  }, 300_000);

  afterAll(() => shop?.service.close());

  it('keeps names as they are', async () => {
    expect(await shop.membersOf('luis', 'first_name = "Luís"')).toEqual(['1']);
  });

  it('counts items by genre', async () => {
    const expected = ids((id) => (genresOf.get(id) ?? []).filter((genre) => genre === 'Rock').length >= 15);
    expect(await shop.membersOf('rock', 'count(items where category = "Rock") >= 15')).toEqual(expected);
    expect(expected.length).toBeGreaterThan(5);
  });

  it('tells genres apart', async () => {
    const expected = ids((id) => new Set(genresOf.get(id)).size >= 9);
    expect(await shop.membersOf('curious', 'distinct(items.category) >= 9')).toEqual(expected);
  });

  it('subtracts segment from segment', async () => {
    const rock = ids((id) => (genresOf.get(id) ?? []).filter((genre) => genre === 'Rock').length >= 15);
    const expected = rock.filter((id) => !(genresOf.get(id) ?? []).includes('Jazz'));
    expect(await shop.membersOf('rock-only', 'in segment "rock" and count(items where category = "Jazz") = 0')).toEqual(expected);
  });

  it('averages exactly', async () => {
    const cents = (row: CsvRow) => Math.round(Number(row['Total']) * 100);
    const expected = ids((id) => {
      const totals = (invoicesOf.get(id) ?? []).map(cents);
      return totals.reduce((sum, value) => sum + value, 0) > 600 * totals.length;
    });
    expect(await shop.membersOf('average', 'avg(orders.total) > 6')).toEqual(expected);
  });
});
