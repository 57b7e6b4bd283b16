-- Reports read when every order was placed and what it came to, customer by customer: from this index alone, without the orders beside it and
-- without sorting or hashing (docs/decisions/0021). A change of an order that leaves both as they are still touches no index.
drop index orders_placed_at;
create index orders_placed_at on orders (customer_id, placed_at) include (total);

-- And the items and events of the last days: where rows came in order of time, few pages are theirs. A few kilobytes for each gigabyte, and
-- nothing that a write would notice.
create index order_items_in_time on order_items using brin (placed_at) with (pages_per_range = 32);
create index events_in_time on events using brin (occurred_at) with (pages_per_range = 32);
