"""Stores: a database of one's own, by SQLAlchemy, with a history of migrations from its first version on.

`schema.Schema` says what a kind of store is, `transactions.Store` opens one and does work in it, and the `env.py` of a
kind's migrations calls `migrating.run_migrations`. `access` is how the reactor uses a store, and `commits` how threads
do that may wait; in both, work that comes together shares a commit. SQLite is the default; another database works by
its address.
"""
