-- What imports and orders did not tell. What the evaluations that an import owes have changed, whoever made them: added in their transactions.
alter table imports add column changes bigint not null default 0;

-- What an order in another currency was sent with: {total, discount, unitPrices}, amounts as text. Null: it came in the service's, or before this.
-- A service of the version before writes the other columns and leaves this one, so a reader believes it only where it comes to the same amounts.
alter table orders add column original jsonb;
