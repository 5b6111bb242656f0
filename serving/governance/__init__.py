"""Who may serve what: proposals, signatures, the audit log."""
