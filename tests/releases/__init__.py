"""What each release left in a database: the upgrade test migrates these and decides what waits."""
