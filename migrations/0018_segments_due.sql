-- Whether a segment's answer has flipped by the clock alone is asked at every read of a customer: by the few segments that can.
create index segments_due on segments (due_at) where due_at is not null;
