"""The PostgreSQL wire and `llmwatch serve`, asked by real clients."""
