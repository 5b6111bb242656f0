"""What is known of customers: permissions, profiles, contacts."""
