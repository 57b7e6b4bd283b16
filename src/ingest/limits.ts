// The named limits of one row of input. A row that exceeds one is refused, naming the limit; nothing is truncated.

/** Ids of customers, orders and events; names of events, attributes, properties and purposes. Bytes of UTF-8. */
export const ID_MAX_BYTES = 256;
/** Profile fields, fields of orders and items. An index on e-mails holds at most 2,704 bytes. */
export const TEXT_MAX_BYTES = 1_024;
/** One value of a custom attribute or an event property. */
export const VALUE_MAX_BYTES = 8_192;
/** Tags, coupons, and lists in attributes and properties. */
export const LIST_MAX_ELEMENTS = 1_000;
/** Lists of objects, which are stored but cannot be used in rules: as JSON text. */
export const OPAQUE_MAX_BYTES = 65_536;
/** Attributes, properties or purposes in one row. */
export const NAMES_MAX = 500;
/** How deep objects may nest into dotted names. */
export const NAME_DEPTH_MAX = 5;
/** How deep anything may nest in a row. */
export const ROW_DEPTH_MAX = 16;
/** Lines of one order. The longest of a real wholesaler's year had 1,114. */
export const ITEMS_MAX = 10_000;
