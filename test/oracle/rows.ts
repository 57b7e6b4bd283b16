// The rows a rule looks at, in the language's order, and the fields they have. Part of the oracle.
import { type Catalog, propertyType } from '../../src/catalog/catalog.ts';
import type { ItemFact } from '../../src/ingest/facts.ts';
import type { FieldExpression, Source } from '../../src/rules/ast.ts';
import { fromInteger, fromScaled, multiply } from './decimal.ts';
import { anniversaryIn, type LocalDate, yearOf } from './local-days.ts';
import type { Shop, ShopCustomer, ShopEvent, ShopOrder } from './shop.ts';
import { boolean, compareStrings, date, fromFlat, list, type Maybe, number, string, timestamp } from './value.ts';

type SourceRow =
  | { readonly scope: 'orders'; readonly atMs: number; readonly id: string; readonly order: ShopOrder }
  | {
      readonly scope: 'items';
      readonly atMs: number;
      readonly id: string;
      readonly order: ShopOrder;
      readonly item: ItemFact;
      readonly line: number;
    }
  | { readonly scope: 'events'; readonly atMs: number; readonly id: string; readonly event: ShopEvent };

export type Row = SourceRow | { readonly scope: 'customers'; readonly customer: ShopCustomer; readonly today: LocalDate };

/** All rows of one customer, future ones too, by (time, id by code points, line). */
export function rowsOf(source: Source, customer: ShopCustomer, shop: Shop): readonly SourceRow[] {
  const orders = shop.orders.filter((order) => order.customerKey === customer.key);
  const rows: SourceRow[] = [];
  switch (source.kind) {
    case 'orders':
      for (const order of orders) rows.push({ scope: 'orders', atMs: order.placedAtMs, id: order.id, order });
      break;
    case 'items':
      for (const order of orders) {
        order.items.forEach((item, line) => {
          rows.push({ scope: 'items', atMs: order.placedAtMs, id: order.id, order, item, line });
        });
      }
      break;
    case 'events':
      for (const event of shop.events) {
        if (event.customerKey !== customer.key || (source.event !== null && event.name !== source.event)) continue;
        rows.push({ scope: 'events', atMs: event.occurredAtMs, id: event.id, event });
      }
      break;
  }
  return rows.sort((left, right) => left.atMs - right.atMs || compareStrings(left.id, right.id) || lineOf(left) - lineOf(right));
}

function lineOf(row: SourceRow): number {
  return row.scope === 'items' ? row.line : 0;
}

export function readField(field: FieldExpression, row: Row, catalog: Catalog): Maybe {
  switch (row.scope) {
    case 'customers':
      if (field.kind === 'attribute') return fromFlat(row.customer.attributes[field.name], catalog.attributes.get(field.name));
      if (field.kind === 'consent') return boolean(row.customer.consents[field.name]);
      return customerField(field.name, row.customer, row.today);
    case 'orders':
      return orderField(field.name, row.order);
    case 'items':
      return itemField(field.name, row.order, row.item);
    case 'events': {
      if (field.kind !== 'property') return eventField(field.name, row.event);
      const type = propertyType(catalog, row.event.name, field.name);
      return type === 'mixed' || type === 'opaque' ? null : fromFlat(row.event.properties[field.name], type);
    }
  }
}

function customerField(name: string, customer: ShopCustomer, today: LocalDate): Maybe {
  const { profile } = customer;
  switch (name) {
    case 'id':
      return string(customer.id);
    case 'tags':
      return list(customer.tags);
    case 'created_at':
      return timestamp(customer.createdAtMs);
    case 'birthday':
      return date(profile.birthday);
    case 'age':
      return profile.birthday === undefined ? null : age(profile.birthday, today);
    case 'email':
    case 'phone':
    case 'first_name':
    case 'last_name':
    case 'gender':
    case 'country':
    case 'region':
    case 'city':
    case 'postal_code':
    case 'language':
    case 'source':
      return string(profile[name]);
    default:
      throw new Error(`customers have no field ${name}`);
  }
}

/** Whole years; missing for a birthday to come. */
function age(birthday: LocalDate, today: LocalDate): Maybe {
  if (birthday > today) return null;
  const years = yearOf(today) - yearOf(birthday);
  return number(fromInteger(anniversaryIn(yearOf(today), birthday) > today ? years - 1 : years));
}

function orderField(name: string, order: ShopOrder): Maybe {
  switch (name) {
    case 'id':
      return string(order.id);
    case 'status':
      return string(order.status);
    case 'channel':
      return string(order.channel);
    case 'currency':
      return string(order.currency);
    case 'total':
      return number(fromScaled(order.total));
    case 'discount':
      return number(fromScaled(order.discount));
    case 'coupons':
      return list(order.coupons);
    case 'item_count':
      return number(fromScaled(order.itemCount));
    case 'placed_at':
      return timestamp(order.placedAtMs);
    default:
      throw new Error(`orders have no field ${name}`);
  }
}

function itemField(name: string, order: ShopOrder, item: ItemFact): Maybe {
  switch (name) {
    case 'order_id':
      return string(order.id);
    case 'status':
      return string(order.status);
    case 'channel':
      return string(order.channel);
    case 'placed_at':
      return timestamp(order.placedAtMs);
    case 'product_id':
      return string(item.productId);
    case 'sku':
      return string(item.sku);
    case 'name':
      return string(item.name);
    case 'category':
      return string(item.category);
    case 'brand':
      return string(item.brand);
    case 'quantity':
      return number(fromScaled(item.quantity));
    case 'unit_price':
      return item.unitPrice === null ? null : number(fromScaled(item.unitPrice));
    case 'total':
      return item.unitPrice === null ? null : number(multiply(fromScaled(item.quantity), fromScaled(item.unitPrice)));
    default:
      throw new Error(`items have no field ${name}`);
  }
}

function eventField(name: string, event: ShopEvent): Maybe {
  switch (name) {
    case 'id':
      return string(event.id);
    case 'occurred_at':
      return timestamp(event.occurredAtMs);
    default:
      throw new Error(`events have no field ${name}`);
  }
}
