"""The `realistic` profile: payments of one coherent world, with fraud that has causes. It is declared in `profile`."""
