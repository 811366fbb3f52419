"""Services outside of the exchange: one small client each, none of which is loaded before it is needed."""
