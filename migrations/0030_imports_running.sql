-- Which imports are under way is asked at every scrape and at the start of every import, among all that ever were.
create index imports_running on imports (leased_until) where status = 'running';
