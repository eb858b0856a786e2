"""Who may see a page: checks of a request, sessions, one-time links, and the routes behind them."""
