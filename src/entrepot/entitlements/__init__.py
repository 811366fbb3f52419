"""Who may see what (`visibility`), and access outside the exchange that follows from it (`provisioning`)."""
